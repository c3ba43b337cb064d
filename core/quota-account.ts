import type { BuildKey } from "./build-key.ts";
import { emptyLedger, entered, fullOf, pruned, type Full, type Ledger } from "./ledger.ts";
import { imagesText, limitText, type Limit, type Quota } from "./quota.ts";
import type { BeginningBuild, Charge, QuotaClient, Refused } from "./quotas-port.ts";

/** What is stored of a client, and what adapters of `Quotas` make of it; each writes both parts at once, or neither. */
export interface Account {
  readonly ledger: Ledger;
  /** The builds that were charged for and have not ended, as far as is known. */
  readonly running: Readonly<Record<string, Running>>;
}

export interface Running {
  readonly at: number;
  readonly share?: number | undefined;
}

/** What is stored of a share in the quotas that all have together. */
export interface Pool {
  readonly anonymous: Ledger;
  readonly all: Ledger;
}

/** A client's account, and the share that its builds come out of; the limits are those of this share. */
export interface Books {
  readonly account: Account;
  readonly pool: Pool;
}

export const emptyAccount: Account = { ledger: emptyLedger, running: {} };
export const emptyPool: Pool = { anonymous: emptyLedger, all: emptyLedger };

/** The limits of one share in the quotas that all have. */
export type PoolLimits = Pick<Quota, "anonymous" | "all">;

// Soon, since builds end all the time: it is what is said to those who wait for one, too.
const crowdedMs = 10_000;

// Until then a record may still have to be written that was charged for.
const beginningMs = 30_000;

/** What was charged for already, and is just about to begin: nothing more is due for it. */
export function chargeOf(
  client: QuotaClient,
  account: Account,
  build: BeginningBuild | undefined,
  now: number,
): Charge | undefined {
  if (build === undefined) return undefined;
  const running = account.running[build.key];
  if (running === undefined || running.at < build.endedAt) return undefined;
  return now - running.at < beginningMs ? { client, ...running } : undefined;
}

/** What a client's own quotas say of one more build. */
export function refusedAccount(
  { id }: QuotaClient,
  { ledger, running }: Account,
  { client, atOnce }: Pick<Quota, "client" | "atOnce">,
  now: number,
): Refused | undefined {
  const full = fullOf(ledger, client, now);
  if (full !== undefined) return refused(id, full);
  if (Object.keys(running).length < atOnce) return undefined;
  const quota = `${imagesText(atOnce)} at once`;
  return { state: "refused", quota, whose: id, until: now + crowdedMs };
}

/** What the quotas that all have say of it. */
export function refusedPool(
  { isAnonymous }: QuotaClient,
  pool: Pool,
  limits: PoolLimits,
  now: number,
): Refused | undefined {
  const anonymous = isAnonymous ? fullOf(pool.anonymous, limits.anonymous, now) : undefined;
  const all = fullOf(pool.all, limits.all, now);
  if (anonymous !== undefined && anonymous.until >= (all?.until ?? 0)) {
    return refused("all who have not signed in", anonymous);
  }
  return all && refused("all together", all);
}

function refused(whose: string, { limit, until }: Full): Refused {
  return { state: "refused", quota: limitText(limit), whose, until };
}

/** The books once a build, or a look-up, was charged. */
export function afterCharge(
  { account, pool }: Books,
  { client, share, at }: Charge,
  key: BuildKey | undefined,
): Books {
  const running =
    key === undefined ? account.running : { ...account.running, [key]: { at, share } };
  return {
    account: { ledger: entered(pruned(account.ledger, at), at, 1, 0), running },
    pool: poolAfter(pool, client, at, at, 1, 0),
  };
}

/** The books once a charge was taken back; undefined where it was for a build that has ended by now. */
export function afterRefund(
  { account, pool }: Books,
  { client, at }: Charge,
  key: BuildKey | undefined,
  now: number,
): Books | undefined {
  if (key !== undefined && account.running[key]?.at !== at) return undefined;
  const ledger = entered(pruned(account.ledger, now), at, -1, 0);
  return {
    account: { ledger, running: without(account.running, key) },
    pool: poolAfter(pool, client, now, at, -1, 0),
  };
}

/** The books once a build has ended. */
export function afterSpending(
  { account, pool }: Books,
  { client }: Charge,
  key: BuildKey,
  seconds: number,
  now: number,
): Books {
  return {
    account: {
      ledger: entered(pruned(account.ledger, now), now, 0, seconds),
      running: without(account.running, key),
    },
    pool: poolAfter(pool, client, now, now, 0, seconds),
  };
}

function poolAfter(
  { anonymous, all }: Pool,
  { isAnonymous }: QuotaClient,
  now: number,
  at: number,
  builds: number,
  seconds: number,
): Pool {
  const later = (ledger: Ledger) => entered(pruned(ledger, now), at, builds, seconds);
  return { anonymous: isAnonymous ? later(anonymous) : anonymous, all: later(all) };
}

/** An account without builds that have ended. */
export function withoutEnded(account: Account, ended: readonly string[]): Account {
  let { running } = account;
  for (const key of ended) running = without(running, key);
  return { ...account, running };
}

function without(running: Account["running"], key: string | undefined): Account["running"] {
  if (key === undefined || running[key] === undefined) return running;
  return Object.fromEntries(Object.entries(running).filter(([each]) => each !== key));
}

/** Of builds that are under way as far as is known, those that are not: `stateOf` says what their records are. */
export function endedOf(
  { running }: Account,
  stateOf: (key: string) => "open" | "settled" | "absent",
  now: number,
): readonly string[] {
  return Object.entries(running).flatMap(([key, { at }]) => {
    const record = stateOf(key);
    const isOver = record === "settled" || (record === "absent" && now - at > beginningMs);
    return isOver ? [key] : [];
  });
}

/**
 * How many shares the quotas that all have are split into, so that no document of theirs is written by everybody at once:
 * as many as leave each a few builds in any window.
 */
export function sharesOf({ anonymous, all }: PoolLimits): number {
  const builds = [...anonymous, ...all].filter(({ unit }) => unit === "builds");
  const least = Math.min(...builds.map(({ most }) => most));
  return Math.min(Math.max(Math.floor(least / leastInShare), 1), mostShares);
}

const leastInShare = 4;
const mostShares = 16;

/** The limits of one share of several; together they are the limits, to the build. */
export function shareOf(limits: PoolLimits, share: number, shares: number): PoolLimits {
  const split = (each: readonly Limit[]) =>
    each.map((limit) => {
      const whole = Math.floor(limit.most / shares);
      const most =
        limit.unit === "seconds"
          ? limit.most / shares
          : whole + (share < limit.most % shares ? 1 : 0);
      return { ...limit, most, whole: limit.most };
    });
  return { anonymous: split(limits.anonymous), all: split(limits.all) };
}
