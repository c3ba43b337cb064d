import { LRUCache } from "lru-cache";
import { atMost } from "../core/at-most.ts";
import { permissionOf, whoIs, type AccessRule, type Subject } from "../core/access.ts";
import type { Clock } from "../core/ports.ts";
import type { BearerTokens } from "./bearer-tokens.ts";
import { readBasic, readBearer } from "./challenge.ts";
import type { RegistryRequest } from "./exchange.ts";
import { machineOf, type MachineTokens } from "./machine-tokens.ts";
import type { Refuse } from "./refuse.ts";
import type { Credentials, SignIn } from "./sign-in.ts";
import type { Watched } from "./watched-text.ts";

/** What somebody may do with a request. */
export interface Grant {
  /** As `whoIs` says it. */
  readonly who: string;
  readonly mayBuild: boolean;
  /** The names that may be pulled: a token is for a few. */
  readonly repositories: ReadonlySet<string> | "all";
}

export interface Accounts {
  readonly signIn: SignIn;
  readonly machines: Watched<MachineTokens>;
  readonly tokens: BearerTokens;
}

/** Finds out who asks. What throws, throws what the client is told; `challenge` is where it may sign in. */
export interface Identify {
  /** What anybody may; undefined: nothing. */
  readonly anonymous: Grant | undefined;
  /** What is known of this `Authorization` since it was last checked. */
  known(authorization: string): Grant | undefined;
  check(
    authorization: string,
    request: RegistryRequest,
    challenge: string | undefined,
  ): Promise<Grant>;
  /** What somebody may who gives name and password. */
  signIn(
    credentials: Credentials,
    request: RegistryRequest,
    challenge: string | undefined,
  ): Promise<Grant>;
}

interface Kept {
  readonly grant: Grant;
  readonly until: number;
}

const mostKept = 20_000;
// A token that stays is looked up again after this: it may have been taken out of its file.
const machineMs = 5000;

/** A token's signature is checked once in a process. */
export function createIdentify(
  rules: readonly AccessRule[],
  { signIn, machines, tokens }: Accounts,
  refuse: Refuse,
  now: Clock,
): Identify {
  const kept = new LRUCache<string, Kept>(atMost(mostKept));

  /** Throws where that is nothing. */
  function permitted(subject: Subject, request: RegistryRequest): Grant {
    const who = whoIs(subject);
    refuse.ifBlocked(request, who);
    const why = `${who} may not pull from this registry: whoever runs it has to allow it`;
    return grantOf(rules, subject) ?? refuse.denied(request, who, why);
  }

  async function checkBearer(
    token: string,
    request: RegistryRequest,
    challenge: string | undefined,
  ): Promise<Kept> {
    const machine = machineOf(machines.current, token);
    if (machine !== undefined) {
      const grant = permitted({ kind: "token", name: machine }, request);
      return { grant, until: now() + machineMs };
    }
    const checked = await tokens.verify(token);
    if (checked.state === "invalid") {
      const error = challenge === undefined ? undefined : `${challenge},error="invalid_token"`;
      return refuse.unknown(request, "somebody", checked.reason, error);
    }
    const { who, repositories, mayBuild } = checked.claims;
    return { grant: { who, mayBuild, repositories: new Set(repositories) }, until: checked.until };
  }

  const signInHere: Identify["signIn"] = async (credentials, request, challenge) => {
    const who = `user:${credentials.user}`;
    const found = await signIn(credentials, refuse.addressOf(request));
    switch (found.state) {
      case "known":
        return permitted(found.subject, request);
      case "busy": {
        const why = "too many passwords are being tried: try again in a minute";
        return refuse.tooMany(request, who, why);
      }
      case "wrong":
        return refuse.unknown(request, who, "the user name or the password is wrong", challenge);
    }
  };

  return {
    anonymous: grantOf(rules, { kind: "anonymous" }),
    known(authorization) {
      const found = kept.get(authorization);
      return found !== undefined && now() < found.until ? found.grant : undefined;
    },
    async check(authorization, request, challenge) {
      await machines.refresh();
      const token = readBearer(authorization);
      if (token === undefined) {
        const credentials = readBasic(authorization) ?? { user: "", password: "" };
        return await signInHere(credentials, request, challenge);
      }
      const found = await checkBearer(token, request, challenge);
      kept.set(authorization, found);
      return found.grant;
    },
    signIn: signInHere,
  };
}

export function grantOf(rules: readonly AccessRule[], subject: Subject): Grant | undefined {
  const permission = permissionOf(rules, subject);
  if (permission === undefined) return undefined;
  return { who: whoIs(subject), mayBuild: permission === "build", repositories: "all" };
}
