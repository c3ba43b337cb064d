import type { AccessRule } from "../core/access.ts";
import { RegistryError } from "../core/errors.ts";
import { checkName } from "../core/image.ts";
import type { Clock } from "../core/ports.ts";
import { basicChallenge, bearerChallenge, type ChallengeOptions } from "./challenge.ts";
import type { RegistryRequest, RegistryResponse } from "./exchange.ts";
import { createIdentify, grantOf, type Accounts, type Grant } from "./identify.ts";
import {
  createRefuse,
  loginCommand,
  signInFirst,
  unauthorized,
  type RefuseTools,
} from "./refuse.ts";
import type { Route } from "./route.ts";
import { createTokenEndpoint } from "./token-endpoint.ts";

/** Who may have what of a registry. */
export interface Access {
  /** Whether anybody is shut out from pulling: answers are then for whoever asked, and for no cache between. */
  readonly isPrivate: boolean;
  /** Finds out who asks, and throws what they are told where they may not have what the route leads to. */
  admit(route: Route, request: RegistryRequest): Promise<Grant>;
  /** The same at once, for a name that is served from memory; false where `admit` has to be asked. */
  admitsAtOnce(caller: Caller, repository: string): boolean;
  /** What somebody is told who may not have an image built, and would have to. */
  refuseBuild(grant: Grant, request: RegistryRequest, name: string, tag: string): RegistryError;
  /** GET and POST of /token; undefined where there is nothing to sign in for. */
  readonly token: ((request: RegistryRequest) => Promise<RegistryResponse>) | undefined;
}

/** What a request says of where it comes from. */
export type Caller = Pick<RegistryRequest, "peer" | "headers">;

export interface AccessTools extends RefuseTools {
  readonly rules: readonly AccessRule[];
  /** Undefined where nobody has an account. */
  readonly accounts: Accounts | undefined;
  readonly challenge: ChallengeOptions;
  readonly now: Clock;
}

/** Judges requests by rules, tokens, and the list of who is blocked. */
export function createAccess(tools: AccessTools): Access {
  const { rules, accounts, blocked, now } = tools;
  const refuse = createRefuse(tools);
  const identify = accounts && createIdentify(rules, accounts, refuse, now);
  const anonymous = grantOf(rules, { kind: "anonymous" });

  /** One that the client of this route understands. */
  function challengeFor(route: Route, request: RegistryRequest): string | undefined {
    if (identify === undefined) return undefined;
    if (route.kind === "status" || route.kind === "build-status") return basicChallenge;
    return bearerChallenge(request, tools.challenge, "name" in route ? route.name : undefined);
  }

  async function grantFor(route: Route, request: RegistryRequest): Promise<Grant> {
    const { authorization } = request.headers;
    if (identify === undefined) {
      return anonymous ?? refuse.denied(request, "somebody", "nobody may pull from this registry");
    }
    if (authorization !== undefined) {
      const challenge = challengeFor(route, request);
      return (
        identify.known(authorization) ?? (await identify.check(authorization, request, challenge))
      );
    }
    // From /v2/ clients learn where to sign in, so it asks them to, also where they may do without.
    if (anonymous !== undefined && route.kind !== "base") return anonymous;
    throw signInFirst(request, challengeFor(route, request));
  }

  return {
    isPrivate: anonymous === undefined,
    async admit(route, request) {
      if ("name" in route) checkName(route.name);
      await blocked.refresh();
      refuse.ifBlocked(request, "somebody");
      if (route.kind === "greeting") return nothing;
      const grant = await grantFor(route, request);
      refuse.ifBlocked(request, grant.who);
      if (route.kind === "base" || covers(grant, route)) return grant;
      const challenge = challengeFor(route, request);
      const why = `the token of ${grant.who} is for other names than this`;
      const error = challenge?.startsWith("Bearer") ? ',error="insufficient_scope"' : "";
      return refuse.unknown(request, grant.who, why, challenge && `${challenge}${error}`);
    },
    admitsAtOnce(caller, repository) {
      if (!blocked.isFresh) return false;
      const { authorization } = caller.headers;
      const isUnsaid = authorization === undefined || identify === undefined;
      const grant = isUnsaid ? anonymous : identify.known(authorization);
      if (grant === undefined) return false;
      if (grant.repositories !== "all" && !grant.repositories.has(repository)) return false;
      const list = blocked.current;
      return list.isEmpty || list.blocks(grant.who, refuse.addressOf(caller)) === undefined;
    },
    refuseBuild({ who }, request, name, tag) {
      const mightBeSomebody =
        identify !== undefined && request.headers["authorization"] === undefined;
      const advice = mightBeSomebody
        ? `${loginCommand(request)} as somebody who may have it built`
        : "ask somebody who may have it built to pull it once";
      const why = `${name}:${tag} is not there yet, and ${who} may only pull what is: ${advice}`;
      if (mightBeSomebody) {
        return unauthorized(why, bearerChallenge(request, tools.challenge, name));
      }
      tools.note(who, refuse.addressOf(request), `${name}:${tag} would have to be built`);
      return new RegistryError(403, "DENIED", why);
    },
    token:
      identify === undefined || accounts === undefined
        ? undefined
        : createTokenEndpoint({
            identify,
            tokens: accounts.tokens,
            blocked,
            refuse,
            service: tools.challenge.service,
          }),
  };
}

const nothing: Grant = { who: "anonymous", mayBuild: false, repositories: new Set() };

/** What is of no name is of all: a token for a few is not enough. */
function covers({ repositories }: Grant, route: Route): boolean {
  return repositories === "all" || ("name" in route && repositories.has(route.name));
}
