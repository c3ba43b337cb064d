import { randomUUID } from "node:crypto";
import type { BuildKey } from "../core/build-key.ts";
import { imageName } from "../core/image.ts";
import { askForPlan } from "../core/ask-for-plan.ts";
import type {
  BlobStore,
  BuildCache,
  Handled,
  Job,
  JobQueue,
  Lease,
  Nix,
  Quotas,
} from "../core/ports.ts";
import type { BuildRecord, Progress, Settlement } from "../core/record.ts";
import { logWith, messageOf, type Log } from "../core/log.ts";
import { logEvent, type BuildEvent } from "../core/log-event.ts";
import type { Build } from "./build.ts";
import { measureBuild, type PackCounts } from "./build-measure.ts";
import { forClients } from "./for-clients.ts";
import { movePins } from "../core/move-pins.ts";
import { packageSetOfPin } from "../core/package-set.ts";
import { lookUpPin, type PinJobTools } from "./pin-job.ts";
import { learnPlanAt, type PlanJobTools } from "./plan-job.ts";
import { PlanLost } from "./read-plan.ts";

export interface JobTools extends PinJobTools, PlanJobTools {
  readonly nix: Nix;
  readonly blobs: BlobStore;
  /** Where what nobody waits for is asked for. */
  readonly ahead: JobQueue;
  readonly cache: BuildCache;
  readonly build: Build;
  /** Where what builds took is counted; left out where there are no quotas. */
  readonly quotas?: Pick<Quotas, "spend"> | undefined;
  /** How long a silent owner keeps a build; a minute, if not said. */
  readonly leaseMs?: number;
}

const usualLeaseMs = 60_000;
const reportMs = 2000;
const sayMs = 10_000;
const acknowledged: Handled = { outcome: "acknowledge" };

/**
 * Makes the handler of jobs. The message is a hint and the record is the truth: a job that is settled, or alive
 * elsewhere, is acknowledged. When `stopping` aborts, the build is given up and its lease given back, so that
 * whoever comes next goes on at once.
 */
export function createJobHandler(tools: JobTools, stopping: AbortSignal) {
  const owner = randomUUID();
  const leaseMs = tools.leaseMs ?? usualLeaseMs;

  async function build(key: BuildKey): Promise<Handled> {
    const claimed = await tools.cache.claim(key, owner, leaseMs);
    if (claimed.state !== "mine") return acknowledged;
    return await withLease(claimed.lease, claimed.record);
  }

  async function withLease(lease: Lease, record: BuildRecord): Promise<Handled> {
    const log = logWith(tools.log, { key: lease.key });
    const lost = new AbortController();
    const heartbeat = setInterval(() => {
      tools.cache
        .renew(lease, leaseMs)
        .then((held) => held || lost.abort(new Error("the lease went to somebody else")))
        .catch((error: unknown) => log("WARNING", `could not renew a lease: ${messageOf(error)}`));
    }, leaseMs / 4);
    const reporter = createReporter(tools.cache, lease, imageName(record.image), log);
    try {
      const signal = AbortSignal.any([stopping, lost.signal]);
      const settlement = await tools
        .build(record, reporter.report, signal)
        .catch(async (error: unknown) => {
          signal.throwIfAborted();
          if (error instanceof PlanLost) await replacePlan(record);
          return ourFailure(error, log);
        });
      await reporter.end();
      if (await tools.cache.settle(lease, settlement)) {
        say(log, record, settlement, reporter.measured());
        await spend(log, record, reporter.measured().buildSeconds);
      }
      if (isRevisionGone(settlement)) await lookUpAgain(record);
      if (record.lane === "prebuild" && tools.moving !== undefined) await movePins(tools.moving);
      return acknowledged;
    } catch (error) {
      await reporter.end();
      if (lost.signal.aborted) {
        log("WARNING", "gave a build up: its lease was lost");
        return acknowledged;
      }
      await tools.cache.release(lease);
      if (stopping.aborted) return { outcome: "return", afterMs: 0 };
      throw error;
    } finally {
      clearInterval(heartbeat);
    }
  }

  // The build is there: that it could not be counted is no reason to have it made again.
  async function spend(log: Log, { key, asker }: BuildRecord, seconds: number): Promise<void> {
    if (asker?.charge === undefined) return;
    try {
      await tools.quotas?.spend(asker.charge, key, seconds);
    } catch (error) {
      log("WARNING", `could not count what a build took: ${messageOf(error)}`);
    }
  }

  // Tags must not go on standing where nothing can be built any more: a branch that was rewritten, a folder that changed
  // before another worker saw it. What was built there stays.
  async function lookUpAgain({ pin }: BuildRecord): Promise<void> {
    for (const { id, record } of await tools.pins.list()) {
      const isThere = record.current?.revision === pin.revision;
      if (!isThere || packageSetOfPin(id) !== pin.packageSet) continue;
      await lookUpPin({ ...tools, moving: undefined }, id, stopping);
    }
  }

  async function replacePlan({ image, pin }: BuildRecord): Promise<void> {
    const { packageSet, revision } = pin;
    const at = { packageSet, revision, architecture: image.architecture };
    await askForPlan({ ...tools, queue: tools.ahead }, at, true);
  }

  function say(log: Log, record: BuildRecord, settlement: Settlement, measured: Measured): void {
    const { lane, attempt } = record;
    const seconds = Math.round((tools.now() - record.requestedAt) / 100) / 10;
    const name = imageName(record.image);
    const counted = { event: "build", lane, seconds, ...measured } as const;
    if (settlement.state === "ready") {
      const { digest } = settlement.manifest;
      const event = { ...counted, outcome: "ready", reason: "none" } as const;
      const message = `${name} is ready after ${seconds} s`;
      return logEvent(log, "INFO", message, event, { digest, attempt });
    }
    const { reason, message, log: lines } = settlement.failure;
    const severity = reason === "service" ? "ERROR" : "WARNING";
    const said = `${name} failed after ${seconds} s: ${[message, ...lines].join("\n")}`;
    logEvent(log, severity, said, { ...counted, outcome: "failed", reason }, { attempt });
  }

  return async (job: Job): Promise<Handled> => {
    if (job.kind === "build") return await build(job.key);
    try {
      if (job.kind === "plan") await learnPlanAt(tools, job, stopping);
      else await lookUpPin(tools, job.pinId, stopping);
      return acknowledged;
    } catch (error) {
      if (stopping.aborted) return { outcome: "return", afterMs: 0 };
      throw error;
    }
  };
}

type Measured = Omit<BuildEvent, "event" | "outcome" | "reason" | "lane" | "seconds">;

function isRevisionGone(settlement: Settlement): boolean {
  return settlement.state === "failed" && settlement.failure.reason === "revision-unknown";
}

// Not the asker's fault: said to whoever waits, and not remembered, so that the next pull tries again.
function ourFailure(error: unknown, log: Log): Settlement {
  log("ERROR", `a build failed: ${messageOf(error)}`, { error });
  return {
    state: "failed",
    failure: { reason: "service", message: forClients(messageOf(error)), log: [] },
  };
}

/** Writes progress as phases change and every two seconds at the most: each write is seen by everyone who waits. */
function createReporter(cache: BuildCache, lease: Lease, name: string, log: Log) {
  const measure = measureBuild();
  let counts: PackCounts = { layersPacked: 0, layersReused: 0, packedBytes: 0 };
  let latest: Progress | undefined;
  let phase: string | undefined;
  let writing = Promise.resolve();
  let saidAt = performance.now();

  function write(): void {
    const progress = latest;
    if (progress === undefined) return;
    latest = undefined;
    say(progress);
    writing = writing
      .then(async () => void (await cache.report(lease, progress)))
      .catch((error: unknown) => log("WARNING", `could not report progress: ${messageOf(error)}`));
  }

  // Most builds are over before anybody wonders; of the others a line every ten seconds.
  function say({ phase: current, message, done, total }: Progress): void {
    const isSlow = performance.now() - saidAt > sayMs;
    if (isSlow) saidAt = performance.now();
    const count = total > 1 ? `, ${done} of ${total}` : "";
    log(isSlow ? "INFO" : "DEBUG", `${name}: ${current}${count}: ${message}`, { phase: current });
  }

  const timer = setInterval(write, reportMs);
  return {
    report: (progress: Progress, counted = counts): void => {
      counts = counted;
      measure.enter(progress.phase);
      latest = progress;
      if (progress.phase === phase) return;
      phase = progress.phase;
      write();
    },
    measured: (): Measured => ({ ...measure.seconds(), ...counts }),
    /** Nothing is written after this. */
    end: async (): Promise<void> => {
      clearInterval(timer);
      await writing;
    },
  };
}
