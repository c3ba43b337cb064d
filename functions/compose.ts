import { createGoogleBlobStore } from "../core/google/blob-store.ts";
import { createGoogleBuildCache } from "../core/google/build-cache.ts";
import { connectFirestore, emulatorOf } from "../core/google/firestore.ts";
import { createGoogleJobQueue } from "../core/google/job-queue.ts";
import { createGoogleLayerCache } from "../core/google/layer-cache.ts";
import { createGooglePins } from "../core/google/pins.ts";
import { createGooglePlans } from "../core/google/plans.ts";
import { createGooglePulls } from "../core/google/pulls.ts";
import { connectPubsub, publishDeadLetter } from "../core/google/pubsub.ts";
import { createGoogleQuotas } from "../core/google/quotas.ts";
import { createGoogleReferrers } from "../core/google/referrers.ts";
import { createGoogleStoredBlobs } from "../core/google/stored-blobs.ts";
import { createGoogleStoredManifests } from "../core/google/stored-manifests.ts";
import { sweepStaging } from "../core/google/sweep-staging.ts";
import { topicNames } from "../core/google/topics.ts";
import type { Log } from "../core/log.ts";
import { withPlaces } from "../core/package-set.ts";
import { imageOptions } from "../core/image-settings.ts";
import type { FunctionsSettings } from "../core/settings.ts";
import type { Access } from "./access.ts";
import { assemble } from "./assemble.ts";
import { createRetention } from "./retention.ts";

const now = Date.now;
const stagedMs = 24 * 60 * 60_000;

/**
 * Puts the functions together over Google Cloud's own parts. Nothing is connected, or loaded, before it is needed. Who may
 * pull is for the registry alone: what no client talks to goes without.
 */
export function compose(
  settings: FunctionsSettings,
  log: Log,
  draining: AbortSignal,
  access: Access | undefined,
) {
  const firestore = connectFirestore({
    projectId: settings.project,
    databaseId: settings.database,
    ...emulatorOf(process.env),
  });
  const pubsub = connectPubsub({ projectId: settings.project });
  const topics = topicNames(settings.topics);

  const cache = createGoogleBuildCache(firestore, now);
  const blobs = createGoogleBlobStore({ ...settings, now, isPrivate: access?.isPrivate ?? false });
  const queues = {
    pull: createGoogleJobQueue({ pubsub, topic: topics.jobs, log }),
    prebuild: createGoogleJobQueue({ pubsub, topic: topics.prebuildJobs, log }),
    pin: createGoogleJobQueue({ pubsub, topic: topics.pins, log }),
  };
  const pins = createGooglePins(firestore);
  const plans = createGooglePlans(firestore);
  const referrers = createGoogleReferrers(firestore);
  const functions = assemble({
    cache,
    pins,
    plans,
    pulls: createGooglePulls(firestore),
    blobs,
    referrers,
    queues,
    packageSet: withPlaces(settings.packageSet, settings),
    options: imageOptions(settings),
    policy: settings,
    platforms: settings.platforms,
    settings,
    sweepStaging: async () => await sweepStaging(blobs, stagedMs, now()),
    access,
    quotas: settings.quota && createGoogleQuotas(firestore, settings.quota, cache, now),
    draining,
    now,
    log,
  });
  return {
    ...functions,
    cache,
    retain: createRetention({
      cache,
      manifests: createGoogleStoredManifests(firestore),
      blobs: createGoogleStoredBlobs(blobs, now),
      layers: createGoogleLayerCache(firestore),
      pins,
      plans,
      referrers,
      keepMs: settings.keepMs,
      graceMs: settings.graceHours * 60 * 60_000,
      now,
      log,
    }),
    discard: (letter: Parameters<typeof publishDeadLetter>[2]) =>
      publishDeadLetter(pubsub, topics.dead, letter),
    async [Symbol.asyncDispose]() {
      await pubsub[Symbol.asyncDispose]();
      await firestore[Symbol.asyncDispose]();
    },
  };
}
