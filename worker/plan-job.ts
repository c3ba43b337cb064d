import { setTimeout as sleep } from "node:timers/promises";
import type { ImageOptions } from "../core/build-key.ts";
import type { Digest } from "../core/digest.ts";
import { parseImage, type Architecture } from "../core/image.ts";
import { planId } from "../core/layer-plans.ts";
import type { Log } from "../core/log.ts";
import { isPinOf, type PackageSet } from "../core/package-set.ts";
import type { BlobStore, ListedPackage, Nix, Pins, PlanJob, Plans, Pulls } from "../core/ports.ts";
import { encodePlan, type LayerPlan, planName } from "./layer-plan.ts";
import { learnApart } from "./learn-apart.ts";
import type { Popularity } from "./popularity.ts";
import { createPlanReader, PlanLost } from "./read-plan.ts";

export interface PlanJobTools {
  readonly nix: Pick<Nix, "survey">;
  readonly plans: Plans;
  readonly pins: Pins;
  readonly pulls: Pulls;
  readonly blobs: Pick<BlobStore, "read" | "write">;
  readonly packageSet: PackageSet;
  readonly options: ImageOptions;
  readonly popularity: Popularity;
  readonly now: () => number;
  readonly log: Log;
}

const latelyMs = 7 * 24 * 60 * 60_000;
const mostPulled = 1000;

/**
 * Learns a layer plan from what is known of the packages at a revision. It applies to revisions that are first asked
 * for from then on; and to this one only where the plan that applied here is lost.
 */
export async function learnPlanAt(
  tools: PlanJobTools,
  job: PlanJob,
  signal: AbortSignal,
): Promise<void> {
  const { plans, blobs, options, popularity, log, now } = tools;
  const { packageSet, revision, architecture } = job;
  const id = planId(packageSet, architecture, options.layerBudget);
  const { packages, paths } = await tools.nix.survey(
    { packageSet, revision },
    architecture,
    signal,
  );
  if (paths.length === 0) {
    log("INFO", "no layer plan was learned: nothing is known of any package yet", { revision });
    return;
  }
  const previous = await readPrevious(tools, (await plans.read(id))?.current?.digest);
  const pulled = await pulledNames(tools, architecture, packages);
  // One of the layers is the image's own.
  const material = { packages: paths, popularity, pulled, budget: options.layerBudget - 1 };
  const plan = await learnApart({ ...material, ...(previous && { previous }) }, signal);
  const { digest } = await blobs.write(once(encodePlan(plan)), signal);
  for (;;) {
    const { version = 0, askedAt = now() } = (await plans.read(id)) ?? {};
    const next = { askedAt, current: { digest, revision, learnedAt: now() } };
    if (await plans.replace(id, version, next)) break;
    await sleep(10, undefined, { signal });
  }
  log("INFO", `learned a layer plan for ${architecture} from ${paths.length} store paths`, {
    revision,
    digest,
    bundles: plan.bundles.length,
  });
  await replaceLost(tools, job, digest);
}

async function readPrevious(
  { blobs, log }: PlanJobTools,
  digest: Digest | undefined,
): Promise<LayerPlan | undefined> {
  if (digest === undefined) return undefined;
  try {
    return await createPlanReader(blobs)(digest);
  } catch (error) {
    if (!(error instanceof PlanLost)) throw error;
    log("ERROR", error.message, { digest });
    return undefined;
  }
}

/** What was asked for in the images pulled lately, by the names that plans have for it. */
async function pulledNames(
  { pins, pulls, packageSet, now }: PlanJobTools,
  architecture: Architecture,
  packages: readonly ListedPackage[],
): Promise<readonly (readonly string[])[]> {
  const namesOf = new Map(
    packages.map(({ attribute, outputs }) => [attribute.toLowerCase(), outputs.map(planName)]),
  );
  const pulled: (readonly string[])[] = [];
  for (const { id } of await pins.list()) {
    if (!isPinOf(packageSet, id)) continue;
    for (const name of await pulls.recent(id, now() - latelyMs, mostPulled)) {
      const image = parseImage(name, architecture);
      if (image.architecture !== architecture) continue;
      const asked = image.packages.map((each) => each.toLowerCase());
      pulled.push(asked.flatMap((each) => namesOf.get(each) ?? namesOf.get(`_${each}`) ?? []));
    }
  }
  return pulled.filter((names) => names.length > 0);
}

/** Where the plan that applied at the job's revision is lost, the new one takes its place, so that pulls go on. */
async function replaceLost(tools: PlanJobTools, job: PlanJob, digest: Digest): Promise<void> {
  const { plans, pins, blobs, log } = tools;
  const { architecture } = job;
  const applied = await plans.applied(job);
  const named = applied?.[architecture];
  if (applied === undefined || named === undefined || named === digest) return;
  const isReadable = await createPlanReader(blobs)(named).then(
    () => true,
    (error: unknown) => {
      if (error instanceof PlanLost) return false;
      throw error;
    },
  );
  if (isReadable) return;
  const now = await plans.apply(job, applied, { ...applied, [architecture]: digest });
  log("WARNING", `another layer plan applies at ${job.revision}, since ${named} is lost`, {
    digest,
  });
  for (const { id } of await pins.list()) {
    if (!isPinOf(tools.packageSet, id)) continue;
    for (;;) {
      const record = await pins.read(id);
      if (record === undefined) break;
      const { version, current, next, ...kept } = record;
      const isCurrent = current?.revision === job.revision;
      const isNext = next?.revision === job.revision;
      if (!isCurrent && !isNext) break;
      const changed = {
        ...kept,
        ...(current && { current: isCurrent ? { ...current, plans: now } : current }),
        ...(next && { next: isNext ? { ...next, plans: now } : next }),
      };
      if (await pins.replace(id, version, changed)) break;
    }
  }
}

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(text);
}
