import { LRUCache } from "lru-cache";
import { atMost } from "../core/at-most.ts";
import type { Digest } from "../core/digest.ts";
import { messageOf, type Log } from "../core/log.ts";
import type { BuildCache, Clock } from "../core/ports.ts";
import { useNotedMs } from "../core/retention.ts";
import { until } from "./until.ts";

/** Notes which manifests are pulled, so that they stay. In the steady state it writes nothing. */
export interface UseNotes {
  /** Never rejects, and takes no longer than an instant: what is served is served whether it could be noted or not. */
  note(digests: readonly Digest[]): Promise<void>;
  /** A manifest's use was written down at this time by whoever stored it: then it need not be again so soon. */
  wasNoted(digest: Digest, at: number): void;
}

// What could not be written is tried again after this.
const againMs = 60_000;
// A store that answers does so in milliseconds.
const longestMs = 500;

export function createUseNotes(tools: {
  readonly cache: Pick<BuildCache, "use">;
  readonly now: Clock;
  readonly log: Log;
}): UseNotes {
  const { cache, now, log } = tools;
  const noted = new LRUCache<Digest, true>({
    ...atMost(20_000),
    ttl: useNotedMs,
    ttlResolution: 0,
    perf: { now },
  });
  // Of each, no longer than an instant.
  const writing = new Map<Digest, Promise<void>>();

  async function write(digests: readonly Digest[]): Promise<void> {
    try {
      await cache.use(digests, now());
    } catch (error) {
      for (const digest of digests) noted.set(digest, true, { ttl: againMs });
      log("WARNING", `could not note that ${digests.join()} was pulled: ${messageOf(error)}`);
    } finally {
      for (const digest of digests) writing.delete(digest);
    }
  }

  return {
    async note(digests) {
      const fresh = digests.filter((digest) => !noted.has(digest));
      if (fresh.length > 0) {
        const written = until(write(fresh), AbortSignal.timeout(longestMs));
        for (const digest of fresh) {
          noted.set(digest, true);
          writing.set(digest, written);
        }
      }
      // Whoever pulls the same at the same moment is not answered before it is written down either.
      await Promise.all(digests.flatMap((digest) => writing.get(digest) ?? []));
    },
    wasNoted(digest, at) {
      if (now() - at < useNotedMs && !noted.has(digest)) noted.set(digest, true, { start: at });
    },
  };
}
