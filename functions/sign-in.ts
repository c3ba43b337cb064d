import { createHmac, randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import { atMost } from "../core/at-most.ts";
import { isAccountName, type Subject } from "../core/access.ts";
import type { Clock } from "../core/ports.ts";
import { networkOf } from "./client-address.ts";
import type { IdentifyWithGoogle } from "./google-identity.ts";
import { machineOf, type MachineTokens } from "./machine-tokens.ts";
import type { CheckPassword } from "./password-check.ts";
import type { Users } from "./users.ts";
import type { Watched } from "./watched-text.ts";

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** Who somebody is. `busy`: too many tried, or too often from there, and it was not looked at. */
export type SignedIn =
  | { readonly state: "known"; readonly subject: Subject }
  | { readonly state: "wrong" }
  | { readonly state: "busy" };

export type SignIn = (credentials: Credentials, address: string | undefined) => Promise<SignedIn>;

export interface SignInTools {
  readonly users: Watched<Users>;
  readonly machines: Watched<MachineTokens>;
  /** Undefined where no account of Google's is let in. */
  readonly google: IdentifyWithGoogle | undefined;
  readonly check: CheckPassword;
  readonly now: Clock;
}

interface Known {
  readonly subject: Subject;
  readonly until: number;
  readonly of: Users;
}

/** As the tools of Google's own registries call who signs in with a token. */
const googleUser = "oauth2accesstoken";
const rememberedMs = 60_000;
// A token of Google's that was revoked is good for so long.
const googleRememberedMs = 5 * 60_000;
const mostFailures = 10;
const failuresMs = 60_000;

/**
 * Makes the function that finds out who somebody is by name and password. A password that was right is known for a
 * minute, by a keyed hash, so that hundreds of machines with one account cost one check. After ten wrong ones from an
 * address in a minute nothing from there is looked at for as long, unless it is known. A name that nobody has costs what
 * one of the users costs.
 */
export function createSignIn(tools: SignInTools): SignIn {
  const { users, machines, google, check, now } = tools;
  const secret = randomBytes(32);
  const keyed = (text: string) => createHmac("sha256", secret).update(text).digest();
  const known = new LRUCache<string, Known>(atMost(10_000));
  const asked = new Map<string, Promise<SignedIn>>();
  const failures = new LRUCache<string, number>({
    ...atMost(100_000),
    ttl: failuresMs,
    ttlResolution: 0,
    perf: { now },
  });

  async function withPassword({ user, password }: Credentials): Promise<SignedIn> {
    const all = users.current;
    const hash = all.get(user);
    if (hash === undefined && all.size === 0) return { state: "wrong" };
    // Somebody's hash, and for one name always the same.
    const decoy = () => [...all.values()][keyed(user).readUInt32BE() % all.size] ?? "";
    const matches = await check(password, hash ?? decoy());
    if (matches === "busy") return { state: "busy" };
    if (!matches || hash === undefined) return { state: "wrong" };
    return { state: "known", subject: { kind: "user", name: user } };
  }

  async function identify(credentials: Credentials): Promise<SignedIn & { until?: number }> {
    const { user, password } = credentials;
    const machine = machineOf(machines.current, password);
    if (machine !== undefined) return { state: "known", subject: { kind: "token", name: machine } };
    if (user === googleUser && google !== undefined) {
      const found = await google(password);
      if (found === undefined) return { state: "wrong" };
      const until = Math.min(found.until, now() + googleRememberedMs);
      return { state: "known", subject: found.subject, until };
    }
    return isAccountName(user) ? await withPassword(credentials) : { state: "wrong" };
  }

  async function find(key: string, credentials: Credentials): Promise<SignedIn> {
    const of = users.current;
    const { until = now() + rememberedMs, ...found } = await identify(credentials);
    if (found.state === "known") known.set(key, { subject: found.subject, until, of });
    return found;
  }

  return async (credentials, address) => {
    await Promise.all([users.refresh(), machines.refresh()]);
    const { user, password } = credentials;
    const key = keyed(JSON.stringify([user, password])).toString("base64url");
    const before = known.get(key);
    // A list that has changed since may say something else.
    if (before !== undefined && now() < before.until && before.of === users.current) {
      return { state: "known", subject: before.subject };
    }
    const from = networkOf(address ?? "");
    if ((failures.get(from) ?? 0) >= mostFailures) return { state: "busy" };
    const finding = asked.get(key) ?? find(key, credentials).finally(() => asked.delete(key));
    asked.set(key, finding);
    const found = await finding;
    if (found.state === "wrong") {
      failures.set(from, (failures.get(from) ?? 0) + 1, { noUpdateTTL: true });
    }
    return found;
  };
}
