import { askForPlan } from "../core/ask-for-plan.ts";
import { tagRefusal, type BuildPolicy } from "../core/build-policy.ts";
import { imageName, type Platforms } from "../core/image.ts";
import { movePins, type MoveTools } from "../core/move-pins.ts";
import { packageSetId, selectRevision, type PackageSet } from "../core/package-set.ts";
import type { BlobStore, JobQueue, NeglectedBuild, Plans } from "../core/ports.ts";
import type { Lane } from "../core/record.ts";
import { messageOf } from "../core/log.ts";
import { logEvent, secondsOf } from "../core/log-event.ts";
import { askForPin } from "./ask-for-pin.ts";
import type { PinTimes } from "../core/pin-times.ts";
import { giveUp } from "./give-up.ts";

export interface MaintenanceTools extends Omit<MoveTools, "queue"> {
  readonly plans: Plans;
  readonly blobs: Pick<BlobStore, "stat">;
  readonly packageSet: PackageSet;
  readonly policy: BuildPolicy;
  readonly platforms: Platforms;
  readonly queues: Readonly<Record<Lane | "pin", JobQueue>>;
  readonly times: PinTimes;
  /** Deletes uploads that were given up, and says how many. */
  readonly sweepStaging: () => Promise<number>;
}

const neglectedMs = 120_000;
const neglectedAtOnce = 100;
// By then its job was lost, or killed its worker, this often.
const mostPublished = 4;
// Beyond these more of the same would be read each minute.
const mostCounted = 1000;
const latelyMs = 7 * 24 * 60 * 60_000;

/**
 * Keeps the registry healthy without anyone watching; to be called about once a minute. What fails is logged and
 * keeps nothing of the rest from being done; rejects at the end, so that a schedule shows it.
 */
export function createMaintenance(tools: MaintenanceTools): () => Promise<void> {
  const { cache, pins, pulls, queues, times, now, log } = tools;

  /** Pins of what people pull are looked up before a pull finds them stale. */
  async function refreshPins(): Promise<void> {
    // A pull waits for the others anyway.
    if (times.staleMs !== Infinity) return;
    for (const { id, record } of await pins.list()) {
      const age = now() - (record.current?.resolvedAt ?? 0);
      if (age < times.freshMs) continue;
      const tag = record.reference ?? "latest";
      if (tagRefusal(tools.policy, tools.packageSet, tag) !== undefined) continue;
      const [pulled] = await pulls.recent(id, now() - latelyMs, 1);
      if (pulled === undefined) continue;
      await askForPin({ pins, queue: queues.pin, now }, id, record.reference, record);
    }
  }

  async function lookAfter({ record, published }: NeglectedBuild): Promise<void> {
    const { key, image, lane } = record;
    const name = imageName(image);
    // One that nobody began is only waiting its turn: the workers may be busy for an hour.
    if (record.state === "queued" || published < mostPublished) {
      if (!(await cache.republish(key, neglectedMs))) return;
      log("WARNING", `published the job of ${name} again, which nobody works on`, { key });
      await queues[lane].publish({ kind: "build", key });
      return;
    }
    const message = `no worker finished ${name} although its job was published ${published} times: pull again, or ask whoever runs this registry`;
    if (!(await giveUp(cache, key, message))) return;
    const event = { event: "dead-letter", cause: "published-too-often" } as const;
    logEvent(log, "ERROR", `gave up: ${message}`, event, { key });
  }

  async function lookAfterBuilds(): Promise<void> {
    for (const build of await cache.neglected(neglectedMs, neglectedAtOnce)) await lookAfter(build);
  }

  /** Where `latest` stands, once somebody pulls there: before that there may be nothing to learn from. */
  async function learnedFrom(): Promise<string | undefined> {
    const selection = selectRevision(tools.packageSet, "latest");
    if (selection.kind === "revision") return selection.revision;
    const pin = await pins.read(selection.pinId);
    const [pulled] = await pulls.recent(selection.pinId, now() - latelyMs, 1);
    return pulled === undefined ? undefined : pin?.current?.revision;
  }

  async function learnPlans(): Promise<void> {
    if (tools.options.grouping !== "plan") return;
    const revision = await learnedFrom();
    if (revision === undefined) return;
    const packageSet = packageSetId(tools.packageSet);
    for (const architecture of tools.platforms) {
      const asking = { ...tools, queue: queues.prebuild };
      await askForPlan(asking, { packageSet, revision, architecture });
    }
  }

  async function sweep(): Promise<void> {
    const swept = await tools.sweepStaging();
    if (swept > 0) log("INFO", `deleted ${swept} uploads that were given up`);
  }

  /** What waits for workers, for whoever looks after the registry. */
  async function countBuilds() {
    const open = await cache.unsettled(mostCounted);
    const queued = open.filter(({ state }) => state === "queued");
    const waitedFor = queued.filter(({ lane }) => lane === "pull");
    const since = Math.min(now(), ...waitedFor.map(({ requestedAt }) => requestedAt));
    return {
      queued: queued.length,
      building: open.length - queued.length,
      oldestQueuedSeconds: secondsOf(now() - since),
    };
  }

  async function sum(failed: readonly string[]): Promise<void> {
    const counts = await countBuilds();
    const { queued, building, oldestQueuedSeconds } = counts;
    const message = `${queued} builds are queued, for ${oldestQueuedSeconds} s at the most, and ${building} are being built`;
    logEvent(log, "INFO", message, { event: "maintenance", ...counts, failed });
  }

  const duties = {
    "refresh pins": refreshPins,
    "move pins": () => movePins({ ...tools, queue: queues.prebuild }),
    "look after builds": lookAfterBuilds,
    "have layer plans learned": learnPlans,
    "sweep the staging area": sweep,
  };

  return async () => {
    const failures = new Map<string, unknown>();
    const attempt = async (what: string, doIt: () => Promise<void>): Promise<void> => {
      try {
        await doIt();
      } catch (error) {
        log("ERROR", `could not ${what}: ${messageOf(error)}`, { error });
        failures.set(what, error);
      }
    };
    for (const [what, doIt] of Object.entries(duties)) await attempt(what, doIt);
    await attempt("count builds", () => sum([...failures.keys()]));
    if (failures.size > 0) {
      throw new AggregateError([...failures.values()], "maintenance was not complete");
    }
  };
}
