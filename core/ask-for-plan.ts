import type { ImageOptions } from "./build-key.ts";
import { planId } from "./layer-plans.ts";
import type { BlobStore, Clock, JobQueue, PlanJob, Plans } from "./ports.ts";
import type { Log } from "./log.ts";

export interface PlanAsking {
  readonly plans: Plans;
  readonly blobs: Pick<BlobStore, "stat">;
  /** That of what nobody waits for. */
  readonly queue: JobQueue;
  readonly options: ImageOptions;
  readonly now: Clock;
  readonly log: Log;
}

const learnAgainMs = 24 * 60 * 60_000;
const repairAgainMs = 10 * 60_000;

/**
 * Has a layer plan learned at a revision, at most once a day, unless the one that was learned there is at hand. One that
 * got lost is said and made anew at once: `isLost` says that the caller knows of one.
 */
export async function askForPlan(
  tools: PlanAsking,
  at: Omit<PlanJob, "kind">,
  isLost = false,
): Promise<void> {
  const { plans, queue, options, now } = tools;
  const id = planId(at.packageSet, at.architecture, options.layerBudget);
  const record = await plans.read(id);
  const isThere = record?.current?.revision === at.revision;
  const lost = isLost || (isThere && (await isMissing(tools, record)));
  if (isThere && !lost) return;
  const { version = 0, askedAt = -Infinity, ...kept } = record ?? {};
  if (now() - askedAt < (lost ? repairAgainMs : learnAgainMs)) return;
  const next = { ...kept, askedAt: now() };
  if (!(await plans.replace(id, version, next))) return;
  try {
    await queue.publish({ kind: "plan", ...at });
  } catch (error) {
    // Others would wait a day for a job that nobody has.
    await plans.replace(id, version + 1, { ...next, askedAt: record?.askedAt ?? 0 });
    throw error;
  }
}

async function isMissing(
  { blobs, log }: PlanAsking,
  { current }: NonNullable<Awaited<ReturnType<Plans["read"]>>>,
): Promise<boolean> {
  if (current === undefined || (await blobs.stat(current.digest)) !== undefined) return false;
  log("ERROR", `the layer plan ${current.digest} is lost, or damaged: it is made anew`);
  return true;
}
