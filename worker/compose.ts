import { resolve } from "node:path";
import type { RequestListener } from "node:http";
import { createGoogleBlobStore } from "../core/google/blob-store.ts";
import { createGoogleBuildCache } from "../core/google/build-cache.ts";
import { connectFirestore, emulatorOf } from "../core/google/firestore.ts";
import { createGoogleJobQueue } from "../core/google/job-queue.ts";
import { createGoogleLayerCache } from "../core/google/layer-cache.ts";
import { createGooglePins } from "../core/google/pins.ts";
import { createGooglePlans } from "../core/google/plans.ts";
import { createGooglePulls } from "../core/google/pulls.ts";
import { connectPubsub, publishDeadLetter } from "../core/google/pubsub.ts";
import { createGoogleSpending } from "../core/google/quotas.ts";
import { pullSubscriptionNames, topicNames } from "../core/google/topics.ts";
import type { DeadLetter } from "../core/job-message.ts";
import type { Log } from "../core/log.ts";
import { withPlaces } from "../core/package-set.ts";
import { pinTimes } from "../core/pin-times.ts";
import { imageOptions } from "../core/image-settings.ts";
import type { WorkerSettings } from "../core/settings.ts";
import { createBuild } from "./build.ts";
import type { Environment } from "./environment.ts";
import { createJobHandler } from "./job.ts";
import { noPopularity } from "./popularity.ts";
import { prepareNix } from "./prepare-nix.ts";
import { prepareStore } from "./prepare-store.ts";
import { preparePacking } from "./prepare-packing.ts";
import { createPush, type PushOptions } from "./push.ts";
import { createTokenCheck } from "./token.ts";

const now = Date.now;
// Looking up where a tag stands never waits for builds.
const pinsAtOnce = 2;

/** Puts the worker together over Google Cloud's own parts. Rejects where there is no Nix, with what to do. */
export async function compose(
  settings: WorkerSettings,
  environment: Environment,
  log: Log,
  stopping: AbortSignal,
) {
  // Where it cannot be put together, nothing that was opened keeps the process from ending.
  await using resources = new AsyncDisposableStack();
  const firestore = resources.use(
    connectFirestore({
      projectId: settings.project,
      databaseId: settings.database,
      ...emulatorOf(environment),
    }),
  );
  const pubsub = resources.use(connectPubsub({ projectId: settings.project }));
  const topics = topicNames(settings.topics);
  const subscriptions = pullSubscriptionNames(settings.topics);
  const packageSet = withPlaces(settings.packageSet, settings);
  const options = imageOptions(settings);

  const cache = createGoogleBuildCache(firestore, now);
  const pins = createGooglePins(firestore);
  const plans = createGooglePlans(firestore);
  const pulls = createGooglePulls(firestore);
  const layers = createGoogleLayerCache(firestore);
  const quotas = createGoogleSpending(firestore, now);
  const blobs = createGoogleBlobStore({ ...settings, now });
  // A job comes again when its lease may be taken over, and Pub/Sub takes no less than ten seconds.
  const ackDeadlineSeconds = Math.min(Math.max(settings.leaseSeconds, 10), 600);
  const common = { pubsub, deadLetters: topics.dead, ackDeadlineSeconds, log };
  const queues = {
    pull: createGoogleJobQueue({
      ...common,
      topic: topics.jobs,
      subscription: subscriptions.jobs,
    }),
    prebuild: createGoogleJobQueue({
      ...common,
      topic: topics.prebuildJobs,
      subscription: subscriptions.prebuildJobs,
    }),
    pin: createGoogleJobQueue({ ...common, topic: topics.pins, subscription: subscriptions.pins }),
  };

  const data = resolve(settings.data);
  const store = await prepareStore({ ...settings, environment, data, log, now }, stopping);
  const { keep } = resources.use(store);
  const prepared = resources.use(
    await prepareNix({ ...settings, environment, data, log, keep }, stopping),
  );
  const nix = prepared.nixFor(packageSet);
  await prepared.tellSandbox(packageSet);
  const timeLimitMs = settings.buildMinutes * 60_000;
  const popularity = noPopularity;
  const packing = await preparePacking({ ...settings, environment, data, log });
  const build = createBuild({
    nix,
    blobs,
    layers,
    options,
    policy: settings,
    popularity,
    timeLimitMs,
    packing,
    log,
  });
  const leaseMs = settings.leaseSeconds * 1000;
  const images = settings.prebuildImages;
  const moves = pinTimes(packageSet, settings.pinSeconds).staleMs === Infinity;
  const moveTools = { cache, pins, pulls, queue: queues.prebuild, options, images, now, log };
  const moving = moves ? moveTools : undefined;
  const planning = { plans, pulls, blobs, packageSet, options, popularity, ahead: queues.prebuild };
  const handlerFor = (signal: AbortSignal) =>
    createJobHandler(
      { cache, pins, nix, build, quotas, log, now, moving, leaseMs, ...planning },
      signal,
    );

  const opened = resources.move();
  return {
    /** Takes jobs from the subscriptions until it is to stop and the last of them has ended. */
    async pull(): Promise<void> {
      const handle = handlerFor(stopping);
      await Promise.all([
        queues.pull.consume(settings.builds, handle, stopping),
        queues.prebuild.consume(settings.prebuilds, handle, stopping),
        queues.pin.consume(pinsAtOnce, handle, stopping),
      ]);
    },
    /** Listens for what Pub/Sub sends: to /prebuilds what nobody waits for, to /pins look-ups, the rest anywhere. */
    push(): RequestListener {
      const bury = (letter: DeadLetter) => publishDeadLetter(pubsub, topics.dead, letter);
      const { pushAudience: audience, pushAccount: account } = settings;
      if (account === undefined) {
        throw new Error(
          "FIRN_PUSH_ACCOUNT: it is needed where jobs are pushed; give the account that pushes them",
        );
      }
      const check: PushOptions["check"] =
        account === "anybody" ? "anybody" : createTokenCheck({ audience, account });
      const pushing = { handlerFor, check, bury, log };
      const waitedFor = createPush({ ...pushing, slots: settings.builds }, stopping);
      const ahead = createPush({ ...pushing, slots: settings.prebuilds }, stopping);
      const lookUps = createPush({ ...pushing, slots: pinsAtOnce }, stopping);
      return (incoming, outgoing) => {
        const [, first] = incoming.url?.split("/") ?? [];
        const listener = first === "prebuilds" ? ahead : first === "pins" ? lookUps : waitedFor;
        listener(incoming, outgoing);
      };
    },
    [Symbol.asyncDispose]: async () => await opened.disposeAsync(),
  };
}
