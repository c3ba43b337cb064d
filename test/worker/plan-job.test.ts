import { rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { hexOf, type Digest } from "../../core/digest.ts";
import { planId } from "../../core/layer-plans.ts";
import { createLocalBlobStore } from "../../core/local/blob-store.ts";
import { selectRevision, type PackageSet } from "../../core/package-set.ts";
import type { PlanJob, Survey } from "../../core/ports.ts";
import { learnPlanAt } from "../../worker/plan-job.ts";
import { noPopularity } from "../../worker/popularity.ts";
import { createPlanReader } from "../../worker/read-plan.ts";
import { options } from "../support/builds.ts";
import { stored } from "../support/store-tree.ts";
import { stores } from "../support/stores.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const never = new AbortController().signal;
const packageSet: PackageSet = { kind: "starter" };
const selection = selectRevision(packageSet, "latest");
const pinId = selection.kind === "reference" ? selection.pinId : "";
const id = planId("starter", "amd64", options.layerBudget);
const job = { kind: "plan", packageSet: "starter", revision: "r1", architecture: "amd64" } as const;

/** `count` packages, too large to be given away, that all need a library of their own and one of everybody's. */
function surveyOf(count: number): Survey {
  const libc = { path: stored("libc", "glibc-2.36"), size: 1_000_000, references: [] };
  const each = Array.from({ length: count }, (_, i) => {
    const library = { path: stored(`l${i}`, `lib${i}-1.0`), size: 20_000, references: [libc.path] };
    const references = [library.path, libc.path];
    return { library, tool: { path: stored(`t${i}`, `tool${i}-1.0`), size: 40_000, references } };
  });
  return {
    packages: each.map(({ tool }, i) => ({ attribute: `tool${i}`, outputs: [tool.path] })),
    paths: [libc, ...each.flatMap(({ library, tool }) => [library, tool])],
  };
}

async function learning(survey = surveyOf(10)) {
  const set = await stores();
  const folder = await temporaryFolder();
  const blobs = createLocalBlobStore(folder.path);
  let known = survey;
  const tools = {
    nix: { survey: async () => known },
    plans: set.plans,
    pins: set.pins,
    pulls: set.pulls,
    blobs,
    packageSet,
    options,
    popularity: noPopularity,
    now: set.now,
    log: set.write,
  };
  return {
    ...set,
    blobs,
    learn: async (at: PlanJob = job) => {
      await learnPlanAt(tools, at, never);
      const digest = (await set.plans.read(id))?.current?.digest;
      if (digest === undefined) throw new Error("no plan was learned");
      return digest;
    },
    tools,
    know: (now: Survey) => void (known = now),
    lose: async (digest: Digest) => {
      await rm(join(folder.path, "blobs/sha256", hexOf(digest)));
    },
    async [Symbol.asyncDispose]() {
      await set[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function stand(set: Awaited<ReturnType<typeof stores>>, digest: Digest): Promise<void> {
  const plans = await set.plans.apply(job, undefined, { amd64: digest });
  const current = { revision: "r1", resolvedAt: set.now(), plans };
  await set.pins.replace(pinId, 0, { reference: undefined, askedAt: 1, current });
}

describe("a layer plan", () => {
  it("is learned from what is known, its bytes a blob, the same from the same", async () => {
    await using set = await learning();
    await set.plans.replace(id, 0, { askedAt: 5 });
    const digest = await set.learn();
    const plan = await createPlanReader(set.blobs)(digest);
    const together = plan.bundles.map(({ names }) => names).filter(({ length }) => length > 1);
    expect(together).toContainEqual(["lib3", "tool3"]);
    expect(await set.plans.read(id)).toMatchObject({
      askedAt: 5,
      current: { digest, revision: "r1", learnedAt: set.now() },
    });
    await using other = await learning({ ...surveyOf(10), paths: surveyOf(10).paths.toReversed() });
    expect(await other.learn()).toBe(digest);
  });

  it("is learned from what was pulled, by whatever name it was asked for", async () => {
    await using set = await learning();
    const current = { revision: "r1", resolvedAt: 1 };
    await set.pins.replace(pinId, 0, { reference: undefined, askedAt: 1, current });
    const without = await set.learn();
    for (let i = 0; i < 9; i++) {
      await set.pulls.note(pinId, `amd64/tool1/tool2${i === 0 ? "" : `/tool${i}`}`, set.now());
    }
    await set.pulls.note(pinId, "arm64/tool7", set.now());
    const learned = await set.learn();
    expect(learned).not.toBe(without);
    const { bundles } = await createPlanReader(set.blobs)(learned);
    expect(bundles.find(({ names }) => names.includes("tool1"))?.names).toContain("tool2");
  });

  it("is not learned from nothing", async () => {
    await using set = await learning({ packages: [], paths: [] });
    await learnPlanAt(set.tools, job, never);
    expect(await set.plans.read(id)).toBeUndefined();
    expect(set.log).toEqual([
      "INFO no layer plan was learned: nothing is known of any package yet",
    ]);
  });

  it("does not change what applies where it was learned, as long as that can be read", async () => {
    await using set = await learning();
    const first = await set.learn();
    await stand(set, first);
    set.know(surveyOf(20));
    const second = await set.learn();
    expect(second).not.toBe(first);
    expect(await set.plans.applied(job)).toEqual({ amd64: first });
    expect((await set.pins.read(pinId))?.current?.plans).toEqual({ amd64: first });
  });

  it("that is lost is told, and replaced wherever it applied at this revision", async () => {
    await using set = await learning();
    const first = await set.learn();
    await stand(set, first);
    await set.lose(first);
    set.know(surveyOf(20));
    const second = await set.learn();
    expect(second).not.toBe(first);
    expect(await set.plans.applied(job)).toEqual({ amd64: second });
    expect((await set.pins.read(pinId))?.current?.plans).toEqual({ amd64: second });
    expect(set.log).toContainEqual(
      `WARNING another layer plan applies at r1, since ${first} is lost`,
    );
  });

  it("that is lost is as before where what it was learned from is still the same", async () => {
    await using set = await learning();
    const first = await set.learn();
    await stand(set, first);
    await set.lose(first);
    expect(await set.learn()).toBe(first);
    await createPlanReader(set.blobs)(first);
  });
});
