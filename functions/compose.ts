import { createGoogleBlobStore } from "../core/google/blob-store.ts";
import { createGoogleBuildCache } from "../core/google/build-cache.ts";
import { connectFirestore, emulatorOf } from "../core/google/firestore.ts";
import { createGoogleJobQueue } from "../core/google/job-queue.ts";
import { createGooglePins } from "../core/google/pins.ts";
import { createGooglePulls } from "../core/google/pulls.ts";
import { connectPubsub, publishDeadLetter } from "../core/google/pubsub.ts";
import { sweepStaging } from "../core/google/sweep-staging.ts";
import { topicNames } from "../core/google/topics.ts";
import type { Log } from "../core/log.ts";
import { withPlaces } from "../core/package-set.ts";
import { imageOptions, type FunctionsSettings } from "../core/settings.ts";
import { createBurial } from "./burial.ts";
import { createCurrentPins } from "./current-pin.ts";
import { createMaintenance } from "./maintenance.ts";
import { pinTimes } from "../core/pin-times.ts";
import { createPrebuild } from "./prebuild.ts";
import { createPullNotes } from "./pull-notes.ts";
import { createRegistry } from "./registry.ts";
import { createWaiting } from "./waiting.ts";

const now = Date.now;
const stagedMs = 24 * 60 * 60_000;

/** Puts the functions together over Google Cloud's own parts. Nothing is connected, or loaded, before it is needed. */
export function compose(settings: FunctionsSettings, log: Log, draining: AbortSignal) {
  const firestore = connectFirestore({
    projectId: settings.project,
    databaseId: settings.database,
    ...emulatorOf(process.env),
  });
  const pubsub = connectPubsub({ projectId: settings.project });
  const topics = topicNames(settings.topics);
  const packageSet = withPlaces(settings.packageSet, settings);
  const { architecture } = settings;
  const options = imageOptions(settings);
  const times = pinTimes(packageSet, settings.pinSeconds);

  const cache = createGoogleBuildCache(firestore, now);
  const pins = createGooglePins(firestore);
  const pulls = createGooglePulls(firestore);
  const blobs = createGoogleBlobStore({ ...settings, now });
  const queues = {
    pull: createGoogleJobQueue({ pubsub, topic: topics.jobs, log }),
    prebuild: createGoogleJobQueue({ pubsub, topic: topics.prebuildJobs, log }),
    pin: createGoogleJobQueue({ pubsub, topic: topics.pins, log }),
  };
  const currentPins = createCurrentPins({ packageSet, pins, queue: queues.pin, times, now, log });

  const registry = createRegistry({
    cache,
    queue: queues.pull,
    blobs,
    pins: currentPins,
    waiting: createWaiting(cache, queues.pull, log),
    notes: createPullNotes({ packageSet, pulls, now, log }),
    options,
    architecture,
    hold: { shortMs: settings.holdSeconds * 1000, longMs: settings.longHoldSeconds * 1000 },
    warmMs: times.warmMs,
    now,
    draining,
    log,
  });
  const requesting = { cache, queue: queues.prebuild, options, architecture, log };
  const prebuild = createPrebuild({ ...requesting, pins: currentPins });
  const maintain = createMaintenance({
    cache,
    pins,
    pulls,
    queues,
    times,
    options,
    images: settings.prebuildImages,
    sweepStaging: async () => await sweepStaging(blobs, stagedMs, now()),
    now,
    log,
  });
  return {
    cache,
    registry,
    prebuild,
    maintain,
    bury: createBurial({ cache, log }),
    discard: (letter: Parameters<typeof publishDeadLetter>[2]) =>
      publishDeadLetter(pubsub, topics.dead, letter),
    async [Symbol.asyncDispose]() {
      await pubsub[Symbol.asyncDispose]();
      await firestore[Symbol.asyncDispose]();
    },
  };
}
