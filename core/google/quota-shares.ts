import type { Clock, QuotaClient, Refused } from "../ports.ts";
import { shareOf, sharesOf, type PoolLimits } from "../quota-account.ts";

/** The shares that the quotas of all are split into, and what this process knows of them. */
export interface Shares {
  /** The share that is the next one's, of those that may have room; undefined where there is nothing to share. */
  next(client: QuotaClient): number | undefined;
  limits(share: number): PoolLimits;
  /** A share has no room for those like this client. */
  usedUp(client: QuotaClient, share: number, refused: Refused): void;
  /** Why no share has any, until one of them does. */
  refused(client: QuotaClient): Refused | undefined;
}

export function createShares(quota: PoolLimits, now: Clock): Shares {
  const count = quota.anonymous.length + quota.all.length === 0 ? 0 : sharesOf(quota);
  const limits = Array.from({ length: count }, (_, share) => shareOf(quota, share, count));
  const closed = new Map<string, Refused>();
  // Processes do not begin with the same one.
  let turn = Math.floor(Math.random() * count);

  function closedNow({ isAnonymous }: QuotaClient, share: number): Refused | undefined {
    const refused = closed.get(`${isAnonymous} ${share}`);
    return refused !== undefined && refused.until > now() ? refused : undefined;
  }

  return {
    next(client) {
      for (let i = 0; i < count; i++) {
        const share = (turn + i) % count;
        if (closedNow(client, share) !== undefined) continue;
        turn = share + 1;
        return share;
      }
      return undefined;
    },
    limits: (share) => limits[share] ?? quota,
    usedUp: ({ isAnonymous }, share, refused) =>
      void closed.set(`${isAnonymous} ${share}`, refused),
    refused(client) {
      let soonest: Refused | undefined;
      for (let share = 0; share < count; share++) {
        const refused = closedNow(client, share);
        if (refused === undefined) return undefined;
        if (soonest === undefined || refused.until < soonest.until) soonest = refused;
      }
      return soonest;
    },
  };
}
