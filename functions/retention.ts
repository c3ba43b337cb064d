import { digestOf, type Digest } from "../core/digest.ts";
import type { Log } from "../core/log.ts";
import type { LayerCache, Plans, Referrers, StoredBlob, StoredBlobs } from "../core/ports.ts";
import { holdAgainMs, madeUpKeptMs, noticedMs } from "../core/retention.ts";
import {
  mark,
  standingRevisions,
  type Expired,
  type Marks,
  type MarkTools,
} from "./retention-mark.ts";

export interface RetentionTools extends MarkTools {
  readonly blobs: StoredBlobs;
  readonly layers: Pick<LayerCache, "forget">;
  readonly plans: Pick<Plans, "learned" | "decisions" | "forget">;
  readonly referrers: Pick<Referrers, "add" | "list" | "remove">;
  /** How long what nobody pulls is kept; Infinity: for good. */
  readonly keepMs: number;
  /** How long a blob stays that nothing needs any more. */
  readonly graceMs: number;
  /** Forgets what a store keeps besides, and where no policy of its own does; says how much. */
  readonly tidy?: () => Promise<number>;
  readonly log: Log;
}

/** What was removed, or would be, and why the rest stays. */
export interface Retained {
  readonly manifests: { readonly removed: number; readonly kept: number };
  readonly blobs: {
    readonly removed: Total;
    /** Not needed any more, and to be removed when the grace is over. */
    readonly waiting: Total;
    readonly needed: Total;
  };
  /** Revisions of package sets that nothing is left of. */
  readonly revisions: number;
  /** Whether it got to the end within its time; the next run goes on. */
  readonly isWhole: boolean;
}

export interface Total {
  readonly count: number;
  readonly bytes: number;
}

const pageSize = 500;
const atOnce = 50;

/**
 * Makes the function that removes what nobody pulled for long, as `core/retention.ts` says; to be called about once a
 * day. With `dry` it removes nothing. When the signal aborts it ends at the next step, and the next run goes on: only
 * what is marked is marked as a whole. Rejects where a store does: with nothing removed, if not all could be read.
 */
export function createRetention(tools: RetentionTools) {
  const { blobs, layers, manifests, cache, referrers, plans, now, log } = tools;

  /** False where somebody pulled it, or built it, meanwhile. */
  async function expire({ digest, needs }: Expired, usedBefore: number): Promise<boolean> {
    // Whoever was told of it right now gets what it names.
    const heldAt = now();
    await each(needs.blobs, async (blob) => await blobs.hold(blob.digest));
    await cache.use(needs.manifests, usedBefore + tools.graceMs);
    const attached = await detach(digest, needs.subject);
    // What takes longer is left to the next run: what was held first may be old again.
    const isHeld = now() - heldAt < holdAgainMs;
    if (isHeld && (await manifests.remove(digest, usedBefore))) return true;
    await attached?.();
    return false;
  }

  /** Takes a manifest off the list of its subject, and gives the way back. */
  async function detach(digest: Digest, subject: Digest | undefined) {
    if (subject === undefined) return undefined;
    const listed = (await referrers.list(subject)).find((referrer) => referrer.digest === digest);
    if (listed === undefined) return undefined;
    await referrers.remove(subject, digest);
    return async () => await referrers.add(subject, listed);
  }

  async function sweep(blob: StoredBlob): Promise<boolean> {
    // From here on no build finds it by what it holds; one that has found it has held it, or has it packed again.
    await layers.forget(blob.digest);
    return await blobs.remove(blob);
  }

  /** A revision that plans were decided for, and at which nothing is left, or ever was. */
  async function forgetRevisions(dry: boolean, before: number): Promise<number> {
    const standing = await standingRevisions(tools.pins);
    let forgotten = 0;
    for (const { pin, decidedAt } of await plans.decisions()) {
      if (decidedAt >= before || standing.has(pin.revision)) continue;
      if (await manifests.isBuilt(pin)) continue;
      forgotten += 1;
      if (dry) continue;
      // A pull may have it in memory, and a build ask for these plans.
      await each(Object.values(pin.plans), async (digest) => await blobs.hold(digest));
      await plans.forget(pin);
    }
    return forgotten;
  }

  async function sweepBlobs(marks: Marks, unusedSince: number, dry: boolean, signal: AbortSignal) {
    const totals = { removed: emptyTotal(), waiting: emptyTotal(), needed: emptyTotal() };
    for await (const page of pagesOf(blobs, now(), signal)) {
      const swept = page.filter(({ digest, usedAt }) => {
        const isNamed = marks.needed.has(digest) || marks.leaving.has(digest);
        return !isNamed && usedAt < unusedSince;
      });
      const removed = new Set<StoredBlob>(dry ? swept : []);
      if (!dry) await each(swept, async (blob) => (await sweep(blob)) && removed.add(blob));
      for (const blob of page) {
        const isNeeded = marks.needed.has(blob.digest);
        add(removed.has(blob) ? totals.removed : isNeeded ? totals.needed : totals.waiting, blob);
      }
    }
    return totals;
  }

  return async (dry: boolean, signal: AbortSignal): Promise<Retained> => {
    const startedAt = now();
    const usedBefore = startedAt - tools.keepMs - noticedMs;
    const marks = await mark(tools, { usedBefore, dry }, signal);
    let removed = 0;
    for (const expired of marks.expired) {
      if (signal.aborted) break;
      if (dry || (await expire(expired, usedBefore))) removed += 1;
    }
    const swept = await sweepBlobs(marks, startedAt - tools.graceMs, dry, signal);
    const revisions = await forgetRevisions(dry, startedAt - madeUpKeptMs);
    if (!dry) await tools.tidy?.();
    const manifestCounts = { removed, kept: marks.kept + marks.expired.length - removed };
    const isWhole = !signal.aborted;
    const retained = { manifests: manifestCounts, blobs: swept, revisions, isWhole };
    if (!dry && (removed > 0 || swept.removed.count > 0 || !isWhole)) {
      const { count, bytes } = swept.removed;
      const what = `removed ${removed} images that nobody pulled, and ${count} blobs (${bytes} bytes) that nothing needs`;
      log("INFO", isWhole ? what : `${what}; the rest is for the next run`, { ...retained });
    }
    return retained;
  };
}

/**
 * All blobs. Where they begin is another place each time, so that runs which are cut short get everywhere; ends when the
 * signal aborts.
 */
async function* pagesOf(blobs: StoredBlobs, seed: number, signal: AbortSignal) {
  const start = digestOf(String(seed));
  for (const { from, to } of [
    { from: start, to: undefined },
    { from: undefined, to: start },
  ]) {
    let after: Digest | undefined = from;
    for (;;) {
      if (signal.aborted) return;
      const page = await blobs.list(after, pageSize);
      yield to === undefined ? page : page.filter(({ digest }) => digest <= to);
      after = page.at(-1)?.digest;
      if (page.length < pageSize || after === undefined || (to && after > to)) break;
    }
  }
}

/** Does something with each of many, some at once. Rejects with what the first failed with, once none is under way. */
async function each<T>(all: readonly T[], work: (one: T) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < all.length; at += atOnce) {
    const done = await Promise.allSettled(all.slice(at, at + atOnce).map(work));
    for (const one of done) if (one.status === "rejected") throw one.reason;
  }
}

function emptyTotal() {
  return { count: 0, bytes: 0 };
}

function add(total: { count: number; bytes: number }, { size }: StoredBlob): void {
  total.count += 1;
  total.bytes += size;
}
