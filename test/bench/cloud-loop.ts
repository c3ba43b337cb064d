import { randomUUID } from "node:crypto";
import { anythingGoes } from "../../core/build-policy.ts";
import { createGoogleBuildCache } from "../../core/google/build-cache.ts";
import { connectFirestore } from "../../core/google/firestore.ts";
import { createGoogleJobQueue } from "../../core/google/job-queue.ts";
import { createGooglePins } from "../../core/google/pins.ts";
import { createGooglePlans } from "../../core/google/plans.ts";
import { createGooglePulls } from "../../core/google/pulls.ts";
import { connectPubsub } from "../../core/google/pubsub.ts";
import { createGoogleReferrers } from "../../core/google/referrers.ts";
import { pullSubscriptionNames, topicNames } from "../../core/google/topics.ts";
import { assemble } from "../../functions/assemble.ts";
import { startEmulators } from "../../infra/local/emulators.ts";
import { provision } from "../../infra/local/provision.ts";
import type { Build } from "../../worker/build.ts";
import { createJobHandler } from "../../worker/job.ts";
import { noPopularity } from "../../worker/popularity.ts";
import { options } from "../support/builds.ts";

/** Registry and worker in this process over the emulators, with builds of the benchmark's own. */
export async function startLoop(build: Build) {
  const { HOME = "", PATH = "" } = process.env;
  await using resources = new AsyncDisposableStack();
  const emulators = resources.use(await startEmulators({ HOME, PATH }));
  const projectId = `firn-${randomUUID()}`;
  await provision({ pubsub: emulators.pubsub, projectId });
  const firestore = resources.use(
    connectFirestore({ projectId, host: emulators.firestore, ssl: false }),
  );
  const pubsub = resources.use(connectPubsub({ projectId, apiEndpoint: emulators.pubsub }));
  const log = () => undefined;
  const now = Date.now;
  const cache = createGoogleBuildCache(firestore, now);
  const pins = createGooglePins(firestore);
  const url = "https://git.example.com/packages";
  const reference = "0123456789012345678901234567890123456789";
  const packageSet = { kind: "git", url, reference } as const;
  const queueOf = (name: "jobs" | "prebuildJobs") =>
    createGoogleJobQueue({
      pubsub,
      topic: topicNames("firn")[name],
      subscription: pullSubscriptionNames("firn")[name],
      log,
    });
  const queue = queueOf("jobs");
  const unused = () => Promise.reject(new Error("nothing is built here"));
  const blobs = {
    stat: unused,
    locate: unused,
    read: unused,
    write: unused,
    isSound: unused,
    hold: unused,
  };
  const plans = createGooglePlans(firestore);
  const pulls = createGooglePulls(firestore);
  const { registry } = assemble({
    cache,
    pins,
    plans,
    pulls,
    blobs,
    referrers: createGoogleReferrers(firestore),
    queues: { pull: queue, prebuild: queue, pin: queue },
    packageSet,
    options,
    policy: anythingGoes,
    platforms: ["amd64"],
    settings: {
      pinSeconds: 300,
      holdSeconds: 25,
      longHoldSeconds: 25,
      prebuildImages: 0,
      trustedHops: 0,
    },
    access: undefined,
    quotas: undefined,
    sweepStaging: unused,
    draining: new AbortController().signal,
    now,
    log,
  });

  const stop = new AbortController();
  const handle = createJobHandler(
    {
      cache,
      pins,
      plans,
      pulls,
      packageSet,
      options,
      popularity: noPopularity,
      blobs,
      ahead: queue,
      nix: {
        pin: unused,
        evaluate: unused,
        realise: unused,
        release: unused,
        closure: unused,
        survey: unused,
      },
      build,
      log,
      now,
      moving: undefined,
    },
    stop.signal,
  );
  const working = queue.consume(4, handle, stop.signal);
  resources.defer(async () => {
    stop.abort();
    await working;
  });
  const all = resources.move();
  return {
    queueOf,
    /** What functions of the same deployment are told that run in processes of their own. */
    functionsEnv: {
      FIRESTORE_EMULATOR_HOST: emulators.firestore,
      PUBSUB_EMULATOR_HOST: emulators.pubsub,
      METADATA_SERVER_DETECTION: "none",
      FIRN_PROJECT: projectId,
      FIRN_BUCKET: "firn-blobs",
      // Counted as in a deployment, but a benchmark asks for more than a person does.
      FIRN_QUOTA: "client=100000/minute; all=100000/minute",
      FIRN_PACKAGE_SET: `git+${url}#${reference}`,
      FUNCTION_TARGET: "registry",
    },
    /** Pulls an image by its name; rejects where that fails. */
    async pull(name: string): Promise<void> {
      const { status } = await registry.answer({
        method: "GET",
        path: `/v2/${name}/manifests/latest`,
        query: new URLSearchParams(),
        headers: {},
        signal: new AbortController().signal,
      });
      if (status !== 200) throw new Error(`the pull was answered with ${status}`);
    },
    [Symbol.asyncDispose]: async () => await all.disposeAsync(),
  };
}

/** A name nobody has asked for. */
export function newName(): string {
  return `p${randomUUID().replaceAll("-", "")}`;
}
