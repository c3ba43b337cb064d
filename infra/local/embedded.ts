import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { arch } from "node:os";
import { resolve } from "node:path";
import type { Platforms } from "../../core/image.ts";
import { createLocalBlobStore } from "../../core/local/blob-store.ts";
import { createLocalBuildCache } from "../../core/local/build-cache.ts";
import { openDatabase } from "../../core/local/database.ts";
import { createLocalJobQueue } from "../../core/local/job-queue.ts";
import { createLocalLayerCache } from "../../core/local/layer-cache.ts";
import { createLocalPins } from "../../core/local/pins.ts";
import { createLocalPlans } from "../../core/local/plans.ts";
import { createLocalPulls } from "../../core/local/pulls.ts";
import { createLocalQuotas } from "../../core/local/quotas.ts";
import { createLocalReferrers } from "../../core/local/referrers.ts";
import { messageOf, type Log } from "../../core/log.ts";
import type { PackageSet, Pin } from "../../core/package-set.ts";
import { imageOptions } from "../../core/image-settings.ts";
import type { LocalSettings } from "../../core/settings.ts";
import type { CurrentPins } from "../../functions/current-pin.ts";
import { pinTimes } from "../../core/pin-times.ts";
import { accessWhereNeeded } from "../../functions/access-where-needed.ts";
import { assemble } from "../../functions/assemble.ts";
import { createListener } from "../../functions/http.ts";
import { createBuild } from "../../worker/build.ts";
import { createJobHandler } from "../../worker/job.ts";
import { preparePacking } from "../../worker/prepare-packing.ts";
import { noPopularity, parsePopularity } from "../../worker/popularity.ts";
import type { Environment } from "../../worker/environment.ts";
import { assertFree, listen } from "./listen.ts";
import { prepareMachine } from "./machine.ts";
import { repeat } from "./repeat.ts";
import { createLocalRetention } from "./retention.ts";
import { tokenKeysIn } from "./token-keys.ts";

/** Registry and worker in this process, over SQLite and a folder. */
export interface Embedded {
  readonly port: number;
  readonly packageSet: PackageSet;
  /** Where `latest` stands. */
  readonly revision: string;
  /** Sends waiting pulls on, gives builds up so that the next start goes on with them, and ends every child. */
  close(): Promise<void>;
}

// A clock that is set back strands nothing: within a process time only goes on.
const now = () => Math.floor(performance.timeOrigin + performance.now());
// Looking up where a tag stands never waits for builds.
const pinsAtOnce = 2;
// So many more jobs are taken than there are builds at once: a name that is wrong need not wait for one.
const lookedUpAhead = 8;
const maintenanceMs = 15_000;
// Laptops are seldom on for a day; the start is for who pulls.
const retentionMs = 60 * 60_000;
const firstRetentionMs = 5 * 60_000;

/** Starts it. Rejects with an Error for people where it cannot: no Nix, a port or a data folder that is taken. */
export async function startEmbedded(
  settings: LocalSettings,
  environment: Environment,
  log: Log,
  signal: AbortSignal,
): Promise<Embedded> {
  const data = resolve(settings.data);
  await using resources = new AsyncDisposableStack();
  const database = resources.use(openDatabase(data));
  const cache = createLocalBuildCache(database, now);
  const queues = {
    pull: createLocalJobQueue(database, now, log),
    prebuild: createLocalJobQueue(database, now, log, "prebuild"),
    pin: createLocalJobQueue(database, now, log, "pin"),
  };
  const pulls = createLocalPulls(database);
  const layers = createLocalLayerCache(database);
  const pins = createLocalPins(database);
  const plans = createLocalPlans(database, now);
  const blobs = createLocalBlobStore(data, now);

  await assertFree(settings.host, settings.port);
  const machine = resources.use(
    await prepareMachine(settings, environment, { data, pins, log }, signal),
  );
  const { packageSet, nix } = machine;
  const makeKeys = async () => await tokenKeysIn(data);
  const access = await accessWhereNeeded(settings, { packageSet, makeKeys, now, log });
  const quotas = settings.quota && createLocalQuotas(database, settings.quota, now);
  const popular = await readPopularity(settings.popularity);
  const options = imageOptions(settings, popular.digest);

  const stopping = new AbortController();
  const timeLimitMs = settings.buildMinutes * 60_000;
  const { popularity } = popular;
  const atOnce = { pull: settings.builds, prebuild: settings.prebuilds };
  const packing = await preparePacking({ ...settings, environment, data, log });
  const build = createBuild({
    nix,
    blobs,
    layers,
    options,
    policy: settings,
    popularity,
    timeLimitMs,
    atOnce,
    packing,
    log,
  });
  const moveTools = { cache, pins, pulls, options, images: settings.prebuildImages, now, log };
  const times = pinTimes(packageSet, settings.pinSeconds);
  const moving = times.staleMs === Infinity ? { ...moveTools, queue: queues.prebuild } : undefined;
  const planning = { plans, pulls, blobs, packageSet, options, popularity, ahead: queues.prebuild };
  const handle = createJobHandler(
    { cache, pins, nix, build, log, now, moving, quotas, ...planning },
    stopping.signal,
  );
  const working = Promise.all([
    queues.pull.consume(settings.builds + lookedUpAhead, handle, stopping.signal),
    queues.prebuild.consume(settings.prebuilds, handle, stopping.signal),
    queues.pin.consume(pinsAtOnce, handle, stopping.signal),
  ]);
  resources.defer(async () => {
    stopping.abort(new Error("firn is stopping"));
    await working;
  });

  const functions = assemble({
    cache,
    pins,
    plans,
    pulls,
    blobs,
    referrers: createLocalReferrers(database),
    queues,
    packageSet,
    options,
    policy: settings,
    platforms: platformsOf(settings),
    settings,
    // A folder's staging area is swept when it is opened.
    sweepStaging: async () => 0,
    access,
    quotas,
    draining: stopping.signal,
    now,
    log,
  });
  const pin = await firstPin(functions.currentPins, signal);
  resources.use(repeat(functions.maintain, maintenanceMs));
  const retain = createLocalRetention(database, data, settings, now, log);
  resources.use(
    repeat(() => keepTidy(retain, stopping.signal, log), retentionMs, firstRetentionMs),
  );

  const server = await listen(
    createListener(functions.registry, log),
    settings.host,
    settings.port,
  );
  resources.defer(async () => {
    stopping.abort(new Error("firn is stopping"));
    await server.close();
  });
  const kept = resources.move();
  return {
    port: server.port,
    packageSet,
    revision: pin.revision,
    close: async () => await kept.disposeAsync(),
  };
}

async function keepTidy(
  retain: ReturnType<typeof createLocalRetention>,
  signal: AbortSignal,
  log: Log,
): Promise<void> {
  try {
    await retain(false, signal);
  } catch (error) {
    if (signal.aborted) return;
    log("ERROR", `could not remove what nobody pulls: ${messageOf(error)}`, { error });
  }
}

// What was served before is served at once; on the first start it has to be looked up.
async function firstPin(pins: CurrentPins, signal: AbortSignal): Promise<Pin> {
  const known = await pins.known("latest");
  if (known !== undefined) return known;
  const found = await pins.lookUp("latest", signal);
  signal.throwIfAborted();
  if (found?.state === "pinned") return found.pin;
  throw new Error(found?.failure.message ?? "it is not known where the package set stands");
}

function platformsOf({ platforms }: LocalSettings): Platforms {
  if (platforms !== "auto") return platforms;
  return [arch() === "arm64" ? "arm64" : "amd64"];
}

async function readPopularity(path: string | undefined) {
  if (path === undefined) return { popularity: noPopularity, digest: "" };
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw new Error(`FIRN_POPULARITY: ${path} cannot be read: ${messageOf(cause)}`, { cause });
  });
  const digest = createHash("sha256").update(text).digest("hex");
  try {
    return { popularity: parsePopularity(text), digest };
  } catch (cause) {
    throw new Error(`FIRN_POPULARITY: ${path}: ${messageOf(cause)}`, { cause });
  }
}
