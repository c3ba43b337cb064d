import { LRUCache } from "lru-cache";
import { atMost } from "../core/at-most.ts";
import { imageIndex, type IndexEntry } from "../core/manifest.ts";
import type { BuildCache, Clock } from "../core/ports.ts";
import type { StoredManifest } from "../core/record.ts";
import { keptInMemoryMs } from "../core/retention.ts";
import type { UseNotes } from "./use-notes.ts";

/**
 * Makes the function that joins the manifests of an image's platforms into an index. Whoever is told of the index by its
 * digest may ask any process for it, so it is stored before it is answered with; once an hour and process. Undefined
 * where one of the manifests is not there any more.
 */
export function createIndexes(cache: BuildCache, uses: Pick<UseNotes, "wasNoted">, now: Clock) {
  const ttl = keptInMemoryMs;
  const known = new LRUCache<string, StoredManifest>({
    ...atMost(20_000),
    ttl,
    ttlResolution: 0,
    perf: { now },
  });
  return async (entries: readonly IndexEntry[]): Promise<StoredManifest | undefined> => {
    const digests = entries.map(({ manifest }) => manifest.digest);
    const name = digests.join();
    const found = known.get(name);
    if (found !== undefined) return found;
    const start = now();
    // From here on they stay for as long as anything that was pulled.
    const gone = await cache.use(digests, start);
    if (gone.length > 0) return undefined;
    const index = imageIndex(entries);
    await cache.keep(index);
    for (const digest of [...digests, index.digest]) uses.wasNoted(digest, start);
    known.set(name, index, { start });
    return index;
  };
}
