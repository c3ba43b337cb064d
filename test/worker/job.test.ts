import { describe, expect, it } from "vitest";
import { createLocalBuildCache } from "../../core/local/build-cache.ts";
import { digestOf } from "../../core/digest.ts";
import { planId } from "../../core/layer-plans.ts";
import { openDatabase } from "../../core/local/database.ts";
import { createLocalPins } from "../../core/local/pins.ts";
import { createLocalBlobStore } from "../../core/local/blob-store.ts";
import { createLocalPlans } from "../../core/local/plans.ts";
import { createLocalPulls } from "../../core/local/pulls.ts";
import type { Job, JobQueue, Nix } from "../../core/ports.ts";
import type { Build } from "../../worker/build.ts";
import { createJobHandler } from "../../worker/job.ts";
import { PlanLost } from "../../worker/read-plan.ts";
import { noPopularity } from "../../worker/popularity.ts";
import { buildOf, failed, options, progress, ready } from "../support/builds.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const git = buildOf("git");
const job = { kind: "build", key: git.key } as const;
const mainId = JSON.stringify(["starter", "", "main"]);

async function setUp(
  build: Build,
  pin: Nix["pin"] = async () => ({ state: "pinned", revision: "r1" }),
) {
  const folder = await temporaryFolder();
  const database = openDatabase(folder.path);
  const cache = createLocalBuildCache(database, Date.now);
  const pins = createLocalPins(database);
  const stopping = new AbortController();
  const said: string[] = [];
  const log = (severity: string, message: string) => void said.push(`${severity} ${message}`);
  const unused = () => Promise.reject(new Error("this test asks Nix for pins alone"));
  const nix: Nix = {
    pin,
    evaluate: unused,
    realise: unused,
    release: unused,
    closure: unused,
    survey: unused,
  };
  const plans = createLocalPlans(database);
  const pulls = createLocalPulls(database);
  const blobs = createLocalBlobStore(folder.path);
  const published: Job[] = [];
  const ahead: JobQueue = {
    publish: async (asked) => void published.push(asked),
    consume: () => Promise.reject(new Error("this test takes no jobs")),
  };
  const popularity = noPopularity;
  const packageSet = { kind: "starter" } as const;
  const planning = { plans, pulls, blobs, ahead, options, popularity, packageSet };
  const tools = { cache, pins, nix, build, log, now: Date.now, moving: undefined, ...planning };
  const handle = createJobHandler(tools, stopping.signal);
  await cache.request(git, "pull");
  return {
    cache,
    pins,
    plans,
    published,
    handle,
    stopping,
    said,
    async [Symbol.asyncDispose]() {
      database[Symbol.dispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

describe("a job", () => {
  it("is built, settled and acknowledged", async () => {
    await using set = await setUp(async (_, report) => {
      report(progress);
      return ready("git");
    });
    expect(await set.handle(job)).toEqual({ outcome: "acknowledge" });
    expect(await set.cache.read(git.key)).toMatchObject({ state: "ready" });
  });

  it("that was settled, or is alive elsewhere, or nobody asked for, is acknowledged and not built", async () => {
    let builds = 0;
    await using set = await setUp(async () => ((builds += 1), ready("git")));
    const lease = await set.cache.claim(git.key, "elsewhere", 60_000);
    expect(await set.handle(job)).toEqual({ outcome: "acknowledge" });
    if (lease.state === "mine") await set.cache.settle(lease.lease, ready("git"));
    expect(await set.handle(job)).toEqual({ outcome: "acknowledge" });
    expect(await set.handle({ kind: "build", key: buildOf("htop").key })).toEqual({
      outcome: "acknowledge",
    });
    expect(builds).toBe(0);
  });

  it("at a revision that is gone has its tags looked up again, those of other package sets not", async () => {
    await using set = await setUp(
      async () => failed({ reason: "revision-unknown", message: "there is no revision v0" }),
      async () => ({ state: "pinned", revision: "v1" }),
    );
    const current = { revision: git.pin.revision, resolvedAt: 1 };
    const ids = ["starter", "git+https://example.com/p"].map((name) =>
      JSON.stringify([name, "", null]),
    );
    for (const id of ids) {
      await set.pins.replace(id, 0, { reference: undefined, askedAt: 1, current });
    }
    await set.handle(job);
    const stands = await Promise.all(ids.map(async (id) => (await set.pins.read(id))?.current));
    expect(stands.map((each) => each?.revision)).toEqual(["v1", git.pin.revision]);
  });

  it("delivered twice at once is built once", async () => {
    let builds = 0;
    await using set = await setUp(async () => ((builds += 1), ready("git")));
    await Promise.all([set.handle(job), set.handle(job)]);
    expect(builds).toBe(1);
  });

  it("whose build throws is settled as our own failure", async () => {
    await using set = await setUp(async () => {
      throw new Error("the disk is full");
    });
    expect(await set.handle(job)).toEqual({ outcome: "acknowledge" });
    expect(await set.cache.read(git.key)).toMatchObject({
      state: "failed",
      failure: { reason: "service", message: "the disk is full" },
    });
    expect(set.said).toContain("ERROR a build failed: the disk is full");
  });

  it("that fails for a reason of its own is settled with that reason", async () => {
    await using set = await setUp(async () => failed({ message: "it does not compile" }));
    await set.handle(job);
    expect(await set.cache.read(git.key)).toMatchObject({
      failure: { reason: "build-failed", message: "it does not compile" },
    });
  });

  it("is given back when the worker stops, so that the next goes on at once", async () => {
    const started = Promise.withResolvers<void>();
    await using set = await setUp(async (_, __, signal) => {
      started.resolve();
      return await new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error));
      });
    });
    const handling = set.handle(job);
    await started.promise;
    set.stopping.abort(new Error("stopping"));
    expect(await handling).toEqual({ outcome: "return", afterMs: 0 });
    expect(await set.cache.read(git.key)).toMatchObject({ state: "queued" });
    expect(await set.cache.claim(git.key, "next", 60_000)).toMatchObject({ state: "mine" });
  });
});

it("a build whose layer plan is lost is trouble of ours, and has another one learned", async () => {
  const lost = new PlanLost("the layer plan is lost");
  await using set = await setUp(() => Promise.reject(lost));
  await set.handle(job);
  expect(await set.cache.read(git.key)).toMatchObject({
    state: "failed",
    failure: { reason: "service", message: "the layer plan is lost" },
  });
  const { packageSet, revision } = git.pin;
  expect(set.published).toEqual([{ kind: "plan", packageSet, revision, architecture: "amd64" }]);
  await set.cache.request(git, "pull");
  await set.handle(job);
  expect(set.published).toHaveLength(1);
});

describe("a reference that is looked up", () => {
  const asked = { reference: "main", askedAt: 1 };
  const pinJob = { kind: "pin", pinId: mainId } as const;
  const unbuilt: Build = () => Promise.reject(new Error("nothing is built here"));

  it("is written down, with where it stood before", async () => {
    let revision = "r1";
    await using set = await setUp(unbuilt, async () => ({ state: "pinned", revision }));
    await set.pins.replace(mainId, 0, asked);
    await set.handle(pinJob);
    expect(await set.pins.read(mainId)).toMatchObject({ current: { revision: "r1" } });
    revision = "r2";
    await set.handle(pinJob);
    await set.handle(pinJob);
    expect(await set.pins.read(mainId)).toMatchObject({
      current: { revision: "r2" },
      previous: "r1",
    });
  });

  it("takes the plans that were learned last to where it moves, and keeps them there", async () => {
    let revision = "r1";
    await using set = await setUp(unbuilt, async () => ({ state: "pinned", revision }));
    await set.pins.replace(mainId, 0, asked);
    await set.handle(pinJob);
    const learn = async (text: string) => {
      const id = planId("starter", "amd64", options.layerBudget);
      const { version = 0 } = (await set.plans.read(id)) ?? {};
      const current = { digest: digestOf(text), revision: "r1", learnedAt: 1 };
      await set.plans.replace(id, version, { askedAt: 1, current });
    };
    await learn("first");
    await set.handle(pinJob);
    // It stands where it stood, so that every image stays the same.
    expect((await set.pins.read(mainId))?.current).not.toHaveProperty("plans");
    revision = "r2";
    await set.handle(pinJob);
    const plans = { amd64: digestOf("first") };
    expect((await set.pins.read(mainId))?.current).toMatchObject({ revision: "r2", plans });
    await learn("second");
    await set.handle(pinJob);
    expect((await set.pins.read(mainId))?.current).toMatchObject({ revision: "r2", plans });
    // Whichever tag leads there, and also when it comes back.
    const other = JSON.stringify(["starter", "", "other"]);
    await set.pins.replace(other, 0, { ...asked, reference: "other" });
    await set.handle({ kind: "pin", pinId: other });
    expect((await set.pins.read(other))?.current).toMatchObject({ revision: "r2", plans });
    revision = "r1";
    await set.handle(pinJob);
    expect((await set.pins.read(mainId))?.current).not.toHaveProperty("plans");
  });

  it("that stood somewhere before there were plans stays without", async () => {
    await using set = await setUp(unbuilt);
    const current = { revision: "r1", resolvedAt: 1 };
    await set.pins.replace(mainId, 0, { ...asked, current });
    const learned = { digest: digestOf("first"), revision: "r0", learnedAt: 1 };
    const id = planId("starter", "amd64", options.layerBudget);
    await set.plans.replace(id, 0, { askedAt: 1, current: learned });
    await set.handle(pinJob);
    expect((await set.pins.read(mainId))?.current).not.toHaveProperty("plans");
    expect(await set.plans.applied({ packageSet: "starter", revision: "r1" })).toEqual({});
  });

  it("keeps where it stood when it cannot be looked up, and says why", async () => {
    let isUp = true;
    await using set = await setUp(unbuilt, async () => {
      if (!isUp) throw new Error("no network");
      return { state: "pinned", revision: "r1" };
    });
    await set.pins.replace(mainId, 0, asked);
    await set.handle(pinJob);
    isUp = false;
    await set.handle(pinJob);
    expect(await set.pins.read(mainId)).toMatchObject({
      current: { revision: "r1" },
      failure: { reason: "service", message: "no network" },
    });
    isUp = true;
    await set.handle(pinJob);
    expect(await set.pins.read(mainId)).not.toHaveProperty("failure");
  });

  it("that selects nothing is written down as that", async () => {
    await using set = await setUp(unbuilt, async () => ({
      state: "revision-unknown",
      message: "no main",
    }));
    await set.pins.replace(mainId, 0, asked);
    await set.handle(pinJob);
    expect(await set.pins.read(mainId)).toMatchObject({
      failure: { reason: "revision-unknown", message: "no main" },
    });
  });
});
