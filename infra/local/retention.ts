import { join } from "node:path";
import { createLocalBuildCache } from "../../core/local/build-cache.ts";
import type { Database } from "../../core/local/database.ts";
import { createLocalLayerCache } from "../../core/local/layer-cache.ts";
import { createLocalPins } from "../../core/local/pins.ts";
import { createLocalPlans } from "../../core/local/plans.ts";
import { createLocalReferrers } from "../../core/local/referrers.ts";
import { createLocalStoredBlobs } from "../../core/local/stored-blobs.ts";
import { createLocalStoredManifests } from "../../core/local/stored-manifests.ts";
import { tidy } from "../../core/local/tidy.ts";
import type { Log } from "../../core/log.ts";
import type { Clock, StoredManifests } from "../../core/ports.ts";
import { madeUpKeptMs } from "../../core/retention.ts";
import type { LocalSettings } from "../../core/settings.ts";
import { createRetention } from "../../functions/retention.ts";
import { standingRevisions } from "../../functions/retention-mark.ts";
import { releaseSources } from "../../worker/source-roots.ts";

/** Puts retention together over a data folder. */
export function createLocalRetention(
  database: Database,
  data: string,
  settings: Pick<LocalSettings, "keepMs" | "graceHours">,
  now: Clock,
  log: Log,
) {
  const manifests = createLocalStoredManifests(database);
  const pins = createLocalPins(database);
  return createRetention({
    manifests,
    pins,
    cache: createLocalBuildCache(database, now),
    blobs: createLocalStoredBlobs(data, now),
    layers: createLocalLayerCache(database),
    plans: createLocalPlans(database, now),
    referrers: createLocalReferrers(database),
    keepMs: settings.keepMs,
    graceMs: settings.graceHours * 60 * 60_000,
    tidy: async () => {
      const standing = await standingRevisions(pins);
      const isNeeded = async (revision: string) =>
        standing.has(revision) || (await isBuilt(revision, manifests));
      const sources = await releaseSources(join(data, "roots"), now() - madeUpKeptMs, isNeeded);
      return sources + tidy(database, now());
    },
    now,
    log,
  });
}

// Those of folders and starter sets alone have a root; a data folder may have served either.
const rootedSets = ["path", "starter"];

async function isBuilt(revision: string, manifests: StoredManifests): Promise<boolean> {
  const built = rootedSets.map((packageSet) => manifests.isBuilt({ packageSet, revision }));
  return (await Promise.all(built)).includes(true);
}
