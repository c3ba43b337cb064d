import { RegistryError } from "../core/errors.ts";
import type { Blocked } from "./blocked.ts";
import { hostIn } from "./challenge.ts";
import { addressOf as addressIn } from "./client-address.ts";
import type { RegistryRequest } from "./exchange.ts";
import type { NoteRefusal } from "./refusals.ts";
import type { Watched } from "./watched-text.ts";

export interface RefuseTools {
  readonly blocked: Watched<Blocked>;
  readonly trustedHops: number;
  readonly note: NoteRefusal;
}

/** Turning somebody away: what they are told, and a line in the log that says who, from where, and why. */
export interface Refuse {
  /** The client's address, as far as it can be known. */
  addressOf(request: Pick<RegistryRequest, "peer" | "headers">): string | undefined;
  /** 401 with where to sign in; `who` is as they call themselves. */
  unknown(request: RegistryRequest, who: string, why: string, challenge: string | undefined): never;
  denied(request: RegistryRequest, who: string, why: string): never;
  tooMany(request: RegistryRequest, who: string, why: string): never;
  /** Throws where an account, or where it asks from, is blocked. */
  ifBlocked(request: RegistryRequest, who: string): void;
}

export function createRefuse({ blocked, trustedHops, note }: RefuseTools): Refuse {
  const addressOf: Refuse["addressOf"] = (request) => addressIn(request, trustedHops);
  const denied: Refuse["denied"] = (request, who, why) => {
    note(who, addressOf(request), why);
    throw new RegistryError(403, "DENIED", why);
  };
  return {
    addressOf,
    denied,
    unknown(request, who, why, challenge) {
      note(who, addressOf(request), why);
      throw unauthorized(why, challenge);
    },
    tooMany(request, who, why) {
      note(who, addressOf(request), why);
      throw new RegistryError(429, "TOOMANYREQUESTS", why, { "retry-after": "60" });
    },
    ifBlocked(request, who) {
      const list = blocked.current;
      const line = list.isEmpty ? undefined : list.blocks(who, addressOf(request));
      if (line !== undefined) denied(request, who, `${line} is blocked here`);
    },
  };
}

/** What a client is told that has to say who it is; of most requests it is the first answer, and nothing to write down. */
export function unauthorized(why: string, challenge: string | undefined): RegistryError {
  const headers = challenge === undefined ? {} : { "www-authenticate": challenge };
  return new RegistryError(401, "UNAUTHORIZED", why, headers);
}

/** The same to somebody who has said nothing of who it is. */
export function signInFirst(request: RegistryRequest, challenge: string | undefined) {
  return unauthorized(`sign in first, as with ${loginCommand(request)}`, challenge);
}

/** What somebody is advised to type. */
export function loginCommand({ headers }: RegistryRequest): string {
  return `docker login ${hostIn(headers) ?? "this registry"}`;
}
