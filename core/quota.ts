/**
 * How much may be built for those who ask: rules as data (`FIRN_QUOTA`).
 *
 *   client=8 at once, 20/minute, 7200s/day; anonymous=30/minute; all=60/minute, 600/hour
 *
 * A build that begins is counted once, for who had it begun; what it took a worker is added when it ends. So of seconds
 * a window may get more than its quota, by what was under way when the quota was reached.
 */

/** The windows that quotas slide over, in milliseconds. */
export const windows = { minute: 60_000, hour: 60 * 60_000, day: 24 * 60 * 60_000 } as const;

export type Window = keyof typeof windows;

export const windowNames = ["minute", "hour", "day"] as const satisfies readonly Window[];

/** What is counted: builds that begin, and the seconds that workers had them for. */
export type Unit = "builds" | "seconds";

/** At most so many of a unit within any window of this length; above 0. */
export interface Limit {
  readonly most: number;
  /** Of a share in a limit: what the limit is. */
  readonly whole?: number;
  readonly unit: Unit;
  readonly window: Window;
}

export type Scope = "client" | "anonymous" | "all";

/** The limits of one client, of all together who have not signed in, and of all together. */
export interface Quota extends Readonly<Record<Scope, readonly Limit[]>> {
  /** How many builds a client may have under way. */
  readonly atOnce: number;
}

const scopes: readonly Scope[] = ["client", "anonymous", "all"];
const example =
  'such as "client=8 at once, 20/minute, 7200s/day; all=60/minute, 600/hour", or off for none';

/** Reads quotas; undefined: there are none. Throws an Error that says what would be understood. */
export function parseQuota(text: string): Quota | undefined {
  const trimmed = text.trim();
  if (trimmed === "off") return undefined;
  if (trimmed === "") throw new Error(`it is empty: write quotas ${example}`);
  const parts = trimmed.split(";").map((part) => part.trim());
  const given = new Map(parts.filter((part) => part !== "").map(parseScope));
  if (given.size < parts.filter((part) => part !== "").length) {
    throw new Error(`"${trimmed}" says twice what it is for: name client, anonymous and all once`);
  }
  const ofScope = (scope: Scope) => given.get(scope) ?? [];
  const limitsOf = (scope: Scope) =>
    ofScope(scope).flatMap((each) => (typeof each === "number" ? [] : [each]));
  const atOnce = ofScope("client").filter((each) => typeof each === "number");
  return {
    client: limitsOf("client"),
    anonymous: limitsOf("anonymous"),
    all: limitsOf("all"),
    atOnce: Math.min(...atOnce, Infinity),
  };
}

function parseScope(text: string): readonly [Scope, readonly (Limit | number)[]] {
  const [, name = "", list = ""] = /^(\w+)\s*=\s*(.*)$/.exec(text) ?? [];
  const scope = scopes.find((each) => each === name);
  if (scope === undefined) {
    throw new Error(`"${text}" begins with none of client=, anonymous= and all=: write ${example}`);
  }
  return [scope, list.split(",").map((each) => parseLimit(each.trim(), scope))];
}

/** A number is how many there may be at once. */
function parseLimit(text: string, scope: Scope): Limit | number {
  const [, count, seconds, words] = /^([1-9]\d{0,8})(?:(s?)\/(\w+)| at once)$/.exec(text) ?? [];
  const most = Number(count);
  if (count !== undefined && words === undefined) {
    if (scope === "client") return most;
    throw new Error(`"${text}" is for client alone: ${scope} takes numbers a minute, hour or day`);
  }
  const window = windowNames.find((each) => each === words);
  if (window === undefined) {
    throw new Error(
      `"${text}" is no quota: write a number above 0 as 20/minute, 7200s/hour (seconds of workers) or 8 at once; minute, hour and day are known`,
    );
  }
  return { most, unit: seconds === "s" ? "seconds" : "builds", window };
}

/** A limit as a person would say it. */
export function limitText({ most, whole = most, unit, window }: Limit): string {
  const what = unit === "seconds" ? `${whole} seconds of building` : imagesText(whole);
  return `${what} ${window === "hour" ? "an" : "a"} ${window}`;
}

export function imagesText(count: number): string {
  return count === 1 ? "1 new image" : `${count} new images`;
}
