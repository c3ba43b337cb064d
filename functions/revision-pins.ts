import { LRUCache } from "lru-cache";
import { atMost } from "../core/at-most.ts";
import type { ImageOptions } from "../core/build-key.ts";
import { withPlans } from "../core/layer-plans.ts";
import { packageSetId, type PackageSet, type Pin } from "../core/package-set.ts";
import type { Clock, Plans } from "../core/ports.ts";

export interface RevisionTools {
  readonly packageSet: PackageSet;
  readonly plans: Plans;
  readonly options: ImageOptions;
  readonly now: Clock;
}

// Which plans apply at a revision does not change, unless one of them got lost.
const keptMs = 60 * 60_000;

/**
 * Makes the function that gives the pin of a revision which was asked for by its own name: which plans apply there stands
 * with no other. `beforeReading` is called where it is not in memory, and may throw.
 */
export function createRevisionPins({ packageSet, plans, options, now }: RevisionTools) {
  const kept = new LRUCache<string, Promise<Pin>>({
    ...atMost(10_000),
    ttl: keptMs,
    ttlResolution: 0,
    perf: { now },
  });

  return async (revision: string, beforeReading?: () => void): Promise<Pin> => {
    const bare = { packageSet: packageSetId(packageSet), revision };
    if (options.grouping !== "plan") return bare;
    const known = kept.get(revision);
    if (known !== undefined) return await known;
    beforeReading?.();
    const read = withPlans(plans, bare, options.layerBudget);
    kept.set(revision, read);
    // Its failure is the callers' to see; the next one tries again.
    read.catch(() => kept.delete(revision));
    return await read;
  };
}
