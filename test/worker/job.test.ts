import { describe, expect, it } from "vitest";
import { PlanLost } from "../../worker/read-plan.ts";
import { buildOf, failed, progress, ready } from "../support/builds.ts";
import { startJobHandler } from "../support/job-handler.ts";

const git = buildOf("git");
const job = { kind: "build", key: git.key } as const;

describe("a job", () => {
  it("is built, settled and acknowledged", async () => {
    await using set = await startJobHandler(async (_, report) => {
      report(progress);
      return ready("git");
    });
    expect(await set.handle(job)).toEqual({ outcome: "acknowledge" });
    expect(await set.cache.read(git.key)).toMatchObject({ state: "ready" });
  });

  it("that was settled, or is alive elsewhere, or nobody asked for, is acknowledged and not built", async () => {
    let builds = 0;
    await using set = await startJobHandler(async () => ((builds += 1), ready("git")));
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
    await using set = await startJobHandler(
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

  it("is charged to who had it begun, with its seconds, and is there whether that could be written or not", async () => {
    const spent: unknown[] = [];
    await using set = await startJobHandler(
      async () => ready("jq"),
      undefined,
      async (...charged) => {
        spent.push(charged);
        throw new Error("the store is away");
      },
    );
    const { key } = buildOf("jq");
    const charge = { client: { id: "192.0.2.7", isAnonymous: true }, at: 1 };
    const asker = { who: "anonymous", address: "192.0.2.7", charge };
    await set.cache.request({ ...buildOf("jq"), asker }, "pull");
    for (const each of [key, git.key]) {
      expect(await set.handle({ kind: "build", key: each })).toEqual({ outcome: "acknowledge" });
    }
    expect(spent).toEqual([[charge, key, expect.any(Number)]]);
    expect(await set.cache.read(key)).toMatchObject({ state: "ready" });
    expect(set.said).toContain("WARNING could not count what a build took: the store is away");
  });

  it("delivered twice at once is built once", async () => {
    let builds = 0;
    await using set = await startJobHandler(async () => ((builds += 1), ready("git")));
    await Promise.all([set.handle(job), set.handle(job)]);
    expect(builds).toBe(1);
  });

  it("whose build throws is settled as our own failure", async () => {
    await using set = await startJobHandler(async () => {
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
    await using set = await startJobHandler(async () => failed({ message: "it does not compile" }));
    await set.handle(job);
    expect(await set.cache.read(git.key)).toMatchObject({
      failure: { reason: "build-failed", message: "it does not compile" },
    });
  });

  it("is given back when the worker stops, so that the next goes on at once", async () => {
    const started = Promise.withResolvers<void>();
    await using set = await startJobHandler(async (_, __, signal) => {
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
  await using set = await startJobHandler(() => Promise.reject(lost));
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
