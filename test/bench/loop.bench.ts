import { randomUUID } from "node:crypto";
import { createGoogleBuildCache } from "../../core/google/build-cache.ts";
import { connectFirestore } from "../../core/google/firestore.ts";
import { createGoogleJobQueue } from "../../core/google/job-queue.ts";
import { createGooglePins } from "../../core/google/pins.ts";
import { createGooglePulls } from "../../core/google/pulls.ts";
import { connectPubsub } from "../../core/google/pubsub.ts";
import { pullSubscriptionNames, topicNames } from "../../core/google/topics.ts";
import { createCurrentPins } from "../../functions/current-pin.ts";
import { createPullNotes } from "../../functions/pull-notes.ts";
import { createRegistry } from "../../functions/registry.ts";
import { createWaiting } from "../../functions/waiting.ts";
import { startEmulators } from "../../infra/local/emulators.ts";
import { provision } from "../../infra/local/provision.ts";
import { createJobHandler } from "../../worker/job.ts";
import { manifestOf, options } from "../support/builds.ts";
import { compare, target } from "./rounds.ts";

// What does the whole loop cost on top of a build: GET that finds nothing, record, job, claim, settling, waking, 200?
// The build itself is nothing: a manifest made up on the spot.
// Opponent: a message from publisher to subscriber through the same emulator, and nothing else.

const { HOME = "", PATH = "" } = process.env;
await using emulators = await startEmulators({ HOME, PATH });
const projectId = `firn-${randomUUID()}`;
await provision({ pubsub: emulators.pubsub, projectId });
await using firestore = connectFirestore({ projectId, host: emulators.firestore, ssl: false });
await using pubsub = connectPubsub({ projectId, apiEndpoint: emulators.pubsub });
const log = () => undefined;
const now = Date.now;
const cache = createGoogleBuildCache(firestore, now);
const pins = createGooglePins(firestore);
const packageSet = {
  kind: "git",
  url: "https://git.example.com/packages",
  reference: "0123456789012345678901234567890123456789",
} as const;
const queueOf = (name: "jobs" | "prebuildJobs") =>
  createGoogleJobQueue({
    pubsub,
    topic: topicNames("firn")[name],
    subscription: pullSubscriptionNames("firn")[name],
    log,
  });
const queue = queueOf("jobs");
const times = { freshMs: 300_000, staleMs: Infinity, warmMs: 10_000 };
const unused = () => Promise.reject(new Error("nothing is built here"));
const registry = createRegistry({
  cache,
  queue,
  blobs: { stat: unused, locate: unused, write: unused, isSound: unused },
  pins: createCurrentPins({ packageSet, pins, queue, times, now, log }),
  waiting: createWaiting(cache, queue, log),
  notes: createPullNotes({ packageSet, pulls: createGooglePulls(firestore), now, log }),
  options,
  architecture: "amd64",
  hold: { shortMs: 25_000, longMs: 25_000 },
  warmMs: times.warmMs,
  now,
  draining: new AbortController().signal,
  log,
});

const stop = new AbortController();
const handle = createJobHandler(
  {
    cache,
    pins,
    nix: { pin: unused, evaluate: unused, realise: unused, release: unused, closure: unused },
    build: async ({ key }) => ({ state: "ready", manifest: manifestOf(key) }),
    log,
    now,
    moving: undefined,
  },
  stop.signal,
);
const working = queue.consume(4, handle, stop.signal);

// The bare way: another topic, where taking a message is all that happens.
const arrivals = new Map<string, () => void>();
const bare = queueOf("prebuildJobs");
const listening = bare.consume(
  4,
  async (job) => {
    if (job.kind === "pin") arrivals.get(job.pinId)?.();
    return { outcome: "acknowledge" };
  },
  stop.signal,
);

async function loop(): Promise<number> {
  const start = performance.now();
  const { status } = await registry.answer({
    method: "GET",
    path: `/v2/p${randomUUID().replaceAll("-", "")}/manifests/latest`,
    query: new URLSearchParams(),
    headers: {},
    signal: new AbortController().signal,
  });
  if (status !== 200) throw new Error(`the pull was answered with ${status}`);
  return performance.now() - start;
}

async function message(): Promise<number> {
  const id = JSON.stringify([randomUUID(), "", null]);
  const arrived = Promise.withResolvers<void>();
  arrivals.set(id, arrived.resolve);
  const start = performance.now();
  await bare.publish({ kind: "pin", pinId: id });
  await arrived.promise;
  return performance.now() - start;
}

for (let i = 0; i < 5; i++) await Promise.all([loop(), message()]);
const medians = await compare("ms", 31, { firn: loop, "Pub/Sub alone": message });
const over = (medians["firn"] ?? 0) - (medians["Pub/Sub alone"] ?? 0);
console.log(`  of that, firn's own part: ${over.toFixed(1)} ms`);
target("at most 60 ms at the median", (medians["firn"] ?? Infinity) <= 60);
stop.abort();
await Promise.all([working, listening]);
