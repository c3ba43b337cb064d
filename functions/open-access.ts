import { readFile } from "node:fs/promises";
import type { AccessRule } from "../core/access.ts";
import type { localAccess } from "../core/access-settings.ts";
import { messageOf, type Log } from "../core/log.ts";
import { packageSetId, type PackageSet } from "../core/package-set.ts";
import type { Clock } from "../core/ports.ts";
import type { Settings } from "../core/setting.ts";
import { createAccess, type Access } from "./access.ts";
import { createBearerTokens } from "./bearer-tokens.ts";
import { nobody, parseBlocked } from "./blocked.ts";
import { createGoogleIdentity, type GoogleOptions } from "./google-identity.ts";
import type { Accounts } from "./identify.ts";
import { parseMachineTokens } from "./machine-tokens.ts";
import { createPasswordCheck } from "./password-check.ts";
import { createRefusals } from "./refusals.ts";
import { createSignIn } from "./sign-in.ts";
import { parseUsers } from "./users.ts";
import { watchText, type Watched } from "./watched-text.ts";

/** Of the embedded registry, or of the functions. */
export type AccessSettings = Settings<typeof localAccess> & {
  /** Where everybody can read blobs. */
  readonly blobUrl?: string | undefined;
};

export interface AccessWorld {
  readonly packageSet: PackageSet;
  /** Makes keys for tokens where no file of them is named, and gives their text; undefined: one has to be. */
  readonly makeKeys: (() => Promise<string>) | undefined;
  /** Where Google is asked, if not at its own addresses. */
  readonly google?: Omit<GoogleOptions, "audiences">;
  readonly now: Clock;
  readonly log: Log;
}

/**
 * Reads the files that settings of access name, and puts it together. Rejects with one Error for people that names all
 * that is wrong.
 */
export async function openAccess(settings: AccessSettings, world: AccessWorld): Promise<Access> {
  const { now, log } = world;
  const { access: rules, users: usersPath, tokens: tokensPath, trustedHops } = settings;
  const problems = [...contradictions(settings)];

  /** What a file says; `without` where there is none. */
  async function watched<T>(
    variable: string,
    path: string | undefined,
    parse: (text: string) => T,
    without: T,
  ): Promise<Watched<T>> {
    if (path === undefined) return unchanging(without);
    const called = `${variable}: ${path}`;
    const read = async () => await readFile(path, "utf8");
    try {
      return await watchText({ called, read, parse, now, log });
    } catch (error) {
      problems.push(`${called}: ${messageOf(error)}`);
      return unchanging(without);
    }
  }

  const hasAccounts = rules.some(({ kind }) => kind !== "anonymous");
  const blocked = await watched("FIRN_BLOCKED", settings.blocked, parseBlocked, nobody);
  const users = await watched("FIRN_USERS", usersPath, parseUsers, new Map());
  const machines = await watched("FIRN_TOKENS", tokensPath, parseMachineTokens, new Map());
  const keys = hasAccounts ? await readKeys(settings.tokenKeys, world, problems) : [];
  problems.push(...strangers(rules, users.current, new Set(machines.current.values())));
  if (problems.length > 0)
    throw new Error(`The settings of access are wrong.\n${problems.join("\n")}`);

  const { publicUrl } = settings;
  const service = publicUrl === undefined ? "firn" : new URL(publicUrl).host;
  const serves = packageSetId(world.packageSet);
  const hasGoogle = rules.some(({ kind }) => kind === "google");
  const accounts = (): Accounts => ({
    machines,
    tokens: createBearerTokens(keys, { service, serves, now }),
    signIn: createSignIn({
      users,
      machines,
      google: hasGoogle
        ? createGoogleIdentity({ ...world.google, audiences: settings.googleAudiences })
        : undefined,
      check: createPasswordCheck(),
      now,
    }),
  });
  return createAccess({
    rules,
    accounts: hasAccounts ? accounts() : undefined,
    blocked,
    challenge: { publicUrl, service, trustsProxy: trustedHops > 0 },
    trustedHops,
    note: createRefusals(log, now),
    now,
  });
}

/** Settings that do not go together. */
function contradictions(settings: AccessSettings): readonly string[] {
  const { access, users, tokens, googleAudiences, blobUrl } = settings;
  const names = (kind: AccessRule["kind"]) => access.some((rule) => rule.kind === kind);
  const wrong: readonly (readonly [boolean, string])[] = [
    [
      names("user") && users === undefined,
      "FIRN_ACCESS names users: FIRN_USERS has to be a file of them",
    ],
    [
      names("token") && tokens === undefined,
      "FIRN_ACCESS names tokens: FIRN_TOKENS has to be a file of them",
    ],
    [
      names("google") && googleAudiences.length === 0,
      "FIRN_ACCESS names accounts of Google: FIRN_GOOGLE_AUDIENCES has to say for whom their tokens are made",
    ],
    [
      users !== undefined && !names("user"),
      "FIRN_USERS is set, but FIRN_ACCESS lets no user do anything: add user:*=pull to it",
    ],
    [
      tokens !== undefined && !names("token"),
      "FIRN_TOKENS is set, but FIRN_ACCESS lets no token do anything: add token:*=pull to it",
    ],
    [
      blobUrl !== undefined && !names("anonymous"),
      "FIRN_BLOB_URL is for what everybody may read, but FIRN_ACCESS does not let anonymous pull: leave it out, and clients get signed URLs",
    ],
  ];
  return wrong.filter(([is]) => is).map(([, what]) => what);
}

/** Rules for those who are not there, which are mistyped. */
function strangers(
  rules: readonly AccessRule[],
  users: ReadonlyMap<string, string>,
  machines: ReadonlySet<string>,
): readonly string[] {
  const known = { user: users, token: machines } as const;
  return rules.flatMap(({ kind, name }) => {
    if ((kind !== "user" && kind !== "token") || name === "*") return [];
    if (known[kind].size === 0 || known[kind].has(name)) return [];
    return [
      `FIRN_ACCESS names ${kind}:${name}, who is not in ${kind === "user" ? "FIRN_USERS" : "FIRN_TOKENS"}`,
    ];
  });
}

const leastKeyLength = 32;

async function readKeys(
  path: string | undefined,
  { makeKeys }: AccessWorld,
  problems: string[],
): Promise<readonly string[]> {
  const called = `FIRN_TOKEN_KEYS${path === undefined ? "" : `: ${path}`}`;
  const advice = `it has to be a file of keys, each a line of ${leastKeyLength} characters or more: openssl rand -base64 48`;
  try {
    const text = path === undefined ? await makeKeys?.() : await readFile(path, "utf8");
    const keys = (text ?? "")
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "");
    if (keys.length === 0 || keys.some((key) => key.length < leastKeyLength)) {
      problems.push(`${called}: ${advice}`);
    }
    return keys;
  } catch (error) {
    problems.push(`${called}: ${messageOf(error)}`);
    return [];
  }
}

function unchanging<T>(current: T): Watched<T> {
  return { current, isFresh: true, refresh: async () => undefined };
}
