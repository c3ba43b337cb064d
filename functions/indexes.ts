import { LRUCache } from "lru-cache";
import { imageIndex, type IndexEntry } from "../core/manifest.ts";
import type { BuildCache } from "../core/ports.ts";
import type { StoredManifest } from "../core/record.ts";

/**
 * Makes the function that joins the manifests of an image's platforms into an index. Whoever is told of the index by its
 * digest may ask any process for it, so it is stored before it is answered with; once a process.
 */
export function createIndexes(cache: BuildCache) {
  const known = new LRUCache<string, StoredManifest>({ max: 20_000 });
  return async (entries: readonly IndexEntry[]): Promise<StoredManifest> => {
    const name = entries.map(({ manifest }) => manifest.digest).join();
    const found = known.get(name);
    if (found !== undefined) return found;
    const index = imageIndex(entries);
    await cache.keep(index);
    known.set(name, index);
    return index;
  };
}
