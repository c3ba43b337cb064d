import { anythingGoes, type BuildPolicy } from "../../core/build-policy.ts";
import { createLocalBlobStore } from "../../core/local/blob-store.ts";
import { createLocalBuildCache } from "../../core/local/build-cache.ts";
import { openDatabase } from "../../core/local/database.ts";
import { createLocalJobQueue } from "../../core/local/job-queue.ts";
import { createLocalPlans } from "../../core/local/plans.ts";
import { createLocalPulls } from "../../core/local/pulls.ts";
import { createPullNotes } from "../../functions/pull-notes.ts";
import { createLocalQuotas } from "../../core/local/quotas.ts";
import { createLocalReferrers } from "../../core/local/referrers.ts";
import { createLocalPins } from "../../core/local/pins.ts";
import type { BuildKey } from "../../core/build-key.ts";
import type { Image, Platforms } from "../../core/image.ts";
import type { Log } from "../../core/log.ts";
import type { PackageSet } from "../../core/package-set.ts";
import type {
  BlobStore,
  BuildCache,
  Clock,
  Handled,
  Job,
  JobQueue,
  Plans,
  Referrers,
} from "../../core/ports.ts";
import type { Progress, Settlement } from "../../core/record.ts";
import { createCurrentPins } from "../../functions/current-pin.ts";
import type { Access } from "../../functions/access.ts";
import type { RegistryRequest } from "../../functions/exchange.ts";
import { createRegistry, type Registry } from "../../functions/registry.ts";
import { createWaiting } from "../../functions/waiting.ts";
import { options } from "./builds.ts";
import { checkDocument, isDocument } from "./oci-schema.ts";
import { quotaOf } from "./quota.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** The registry over real local adapters, with a worker whose builds end as the test says. */
export interface TestRegistry extends AsyncDisposable {
  readonly ask: (path: string, more?: Partial<RegistryRequest>) => Promise<Answer>;
  /** What was handed to the worker, in order. */
  readonly jobs: readonly Job[];
  readonly registry: Registry;
  readonly blobs: ReturnType<typeof createLocalBlobStore>;
  readonly referrers: Referrers;
  readonly cache: ReturnType<typeof createLocalBuildCache>;
  readonly pins: ReturnType<typeof createLocalPins>;
  readonly plans: Plans;
  /** What the registry answers at once. */
  readonly warm: Registry["warm"];
  readonly drain: () => void;
  readonly log: readonly string[];
  /** Moves the registry's clock on. */
  advance(ms: number): void;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly text: string;
}

export interface TestWorker {
  readonly packageSet?: PackageSet;
  /** What may be built; everything, if not said. */
  readonly policy?: BuildPolicy;
  /** Another store than a folder. */
  readonly blobs?: BlobStore;
  /** What the registry has in place of the cache of builds. */
  readonly cacheOf?: (cache: BuildCache) => BuildCache;
  /** Answers for another store of referrers. */
  readonly referrersOf?: Referrers["list"];
  /** Who may pull and who may build; everybody, if not said. */
  readonly access?: (now: Clock, log: Log) => Promise<Access | undefined>;
  /** As FIRN_QUOTA; none, if not said. */
  readonly quota?: string;
  readonly trustedHops?: number;
  /** Whether jobs can be published just now. */
  readonly canPublish?: () => boolean;
  readonly holdMs?: number;
  /** `amd64`, if not said. */
  readonly platforms?: Platforms;
  readonly build?: (
    key: BuildKey,
    report: (progress: Progress) => Promise<void>,
    image: Image,
  ) => Promise<Settlement>;
  /** Where a reference stands; undefined: it selects nothing. */
  readonly pin?: (reference: string | undefined) => Promise<string | undefined>;
  /** Hears each line of the log as well. */
  readonly onLog?: Log;
  /** Whether jobs are lost instead of handled. */
  readonly deaf?: boolean;
}

export async function testRegistry(worker: TestWorker = {}): Promise<TestRegistry> {
  const folder = await temporaryFolder();
  const database = openDatabase(folder.path);
  let offset = 0;
  const now = () => Date.now() + offset;
  const log: string[] = [];
  const write: Log = (...line) => {
    log.push(`${line[0]} ${line[1]}`);
    worker.onLog?.(...line);
  };
  const cache = createLocalBuildCache(database, now);
  const jobQueue = createLocalJobQueue(database, now, write);
  const queue: JobQueue = {
    ...jobQueue,
    publish: async (job) => {
      if (worker.canPublish?.() === false) throw new Error("nothing can be published just now");
      await jobQueue.publish(job);
    },
  };
  const pins = createLocalPins(database);
  const plans = createLocalPlans(database);
  const referrers = createLocalReferrers(database);
  const blobs = createLocalBlobStore(folder.path);
  const jobs: Job[] = [];
  const stop = new AbortController();
  const draining = new AbortController();

  async function handle(job: Job): Promise<Handled> {
    jobs.push(job);
    if (worker.deaf === true) return { outcome: "acknowledge" };
    if (job.kind === "build") await build(job.key);
    if (job.kind === "pin") await pin(job.pinId);
    return { outcome: "acknowledge" };
  }

  async function build(key: BuildKey): Promise<void> {
    const claimed = await cache.claim(key, "worker", 60_000);
    if (claimed.state !== "mine" || worker.build === undefined) return;
    const { lease, record } = claimed;
    const report = async (progress: Progress) => void (await cache.report(lease, progress));
    const settlement = await worker.build(key, report, record.image);
    await cache.settle(lease, settlement);
  }

  async function pin(id: string): Promise<void> {
    const asked = await pins.read(id);
    if (asked === undefined) return;
    const revision = worker.pin === undefined ? "r1" : await worker.pin(asked.reference);
    const present = (await pins.read(id)) ?? asked;
    const { version, failure: _, ...kept } = present;
    const failure = {
      reason: "revision-unknown",
      message: `no ${asked.reference}`,
      failedAt: now(),
    } as const;
    const found =
      revision === undefined ? { failure } : { current: { revision, resolvedAt: now() } };
    await pins.replace(id, version, { ...kept, ...found });
  }

  const { policy = anythingGoes } = worker;
  const packageSet = worker.packageSet ?? { kind: "starter" };
  const times = { freshMs: 60_000, staleMs: Infinity, warmMs: 10_000 };
  const hold = { shortMs: worker.holdMs ?? 5000, longMs: worker.holdMs ?? 5000 };
  const registry = createRegistry({
    policy,
    access: await worker.access?.(now, write),
    quotas:
      worker.quota === undefined
        ? undefined
        : createLocalQuotas(database, quotaOf(worker.quota), now),
    trustedHops: worker.trustedHops,
    cache: worker.cacheOf?.(cache) ?? cache,
    queue,
    blobs: worker.blobs ?? blobs,
    packageSet,
    plans,
    references: pins,
    referrers: { list: worker.referrersOf ?? ((subject) => referrers.list(subject)) },
    pins: createCurrentPins({
      packageSet,
      policy,
      pins,
      plans,
      options,
      queue,
      times,
      now,
      log: write,
    }),
    notes: createPullNotes({ packageSet, pulls: createLocalPulls(database), now, log: write }),
    waiting: createWaiting(cache, queue, write),
    options,
    platforms: worker.platforms ?? ["amd64"],
    hold,
    warmMs: times.warmMs,
    now,
    draining: draining.signal,
    log: write,
  });
  const consuming = queue.consume(4, handle, stop.signal);

  return {
    registry,
    jobs,
    blobs,
    referrers,
    cache,
    pins,
    plans,
    log,
    warm: registry.warm,
    drain: () => draining.abort(),
    advance: (ms) => void (offset += ms),
    async ask(path, more = {}) {
      const [route = "", query = ""] = path.split("?");
      const { status, headers, body } = await registry.answer({
        method: "GET",
        path: route,
        query: new URLSearchParams(query),
        headers: {},
        signal: new AbortController().signal,
        ...more,
      });
      const parts =
        body === undefined ? [] : body instanceof Uint8Array ? [body] : await Array.fromAsync(body);
      const text = Buffer.concat(parts).toString();
      const mediaType = headers["content-type"];
      if (status === 200 && body !== undefined && isDocument(mediaType)) {
        checkDocument(mediaType, text);
      }
      return { status, headers, text };
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await consuming;
      database[Symbol.dispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
