import { describe, expect, it } from "vitest";
import type { BuildCache, Claimed, Lease } from "../../../core/ports.ts";
import { buildOf, failed, manifestOf, progress, ready } from "../../support/builds.ts";
import { needEmulators } from "../../support/emulators.ts";
import { failureWith, meddle, openBuildCaches } from "./firestore-set-up.ts";

needEmulators();

const git = buildOf("git");
const leaseMs = 60_000;

function leaseOf(claimed: Claimed): Lease {
  if (claimed.state !== "mine") throw new Error(`the claim was not granted: ${claimed.state}`);
  return claimed.lease;
}

describe("of many processes", () => {
  it("one of two hundred that ask at once is told that the build is its to publish", async () => {
    await using set = await openBuildCaches();
    const asked = await Promise.all(set.many(200).map((cache) => cache.request(git, "pull")));
    expect(asked.filter(({ outcome }) => outcome === "created")).toHaveLength(1);
    expect(asked.filter(({ outcome }) => outcome === "joined")).toHaveLength(199);
  });

  it("one of thirty promotes, republishes, claims, takes over, or starts over", async () => {
    await using set = await openBuildCaches();
    const race = async <T>(run: (cache: BuildCache, i: number) => Promise<T>) =>
      await Promise.all(set.many(30).map(run));
    await set.cache.request(git, "prebuild");
    const promoted = await race((cache) => cache.request(git, "pull"));
    expect(promoted.filter(({ outcome }) => outcome === "promoted")).toHaveLength(1);
    set.advance(15_000);
    const told = await race((cache) => cache.republish(git.key, 15_000));
    expect(told.filter(Boolean)).toHaveLength(1);
    const claims = await race((cache, i) => cache.claim(git.key, `worker ${i}`, leaseMs));
    expect(claims.filter(({ state }) => state === "mine")).toHaveLength(1);
    set.advance(leaseMs + 1);
    const taken = await race((cache, i) => cache.claim(git.key, `worker ${i}`, leaseMs));
    const mine = taken.find(({ state }) => state === "mine");
    expect(mine).toMatchObject({ lease: { epoch: 2 } });
    expect(taken.filter(({ state }) => state === "taken")).toHaveLength(29);
    expect(mine && (await set.cache.settle(leaseOf(mine), failed()))).toBe(true);
    set.advance(10_000);
    const again = await race((cache) => cache.request(git, "pull"));
    expect(again.filter(({ outcome }) => outcome === "created")).toHaveLength(1);
  });
});

describe("an owner that is frozen between looking and writing", () => {
  it.each<[string, (cache: BuildCache, lease: Lease) => Promise<boolean>]>([
    ["renews", (cache, lease) => cache.renew(lease, leaseMs)],
    ["reports", (cache, lease) => cache.report(lease, progress)],
    ["settles", (cache, lease) => cache.settle(lease, failed())],
    ["releases", (cache, lease) => cache.release(lease).then(() => false)],
  ])("%s in vain once its lease was taken", async (_, write) => {
    await using set = await openBuildCaches();
    const frozen = await set.another();
    await set.cache.request(git, "pull");
    const first = leaseOf(await frozen.cache.claim(git.key, "slow", leaseMs));
    const reached = Promise.withResolvers<void>();
    const thaw = Promise.withResolvers<void>();
    meddle(frozen.client, async (commit) => {
      reached.resolve();
      await thaw.promise;
      return await commit();
    });
    const writing = write(frozen.cache, first);
    await reached.promise;
    set.advance(leaseMs + 1);
    const second = leaseOf(await set.cache.claim(git.key, "quick", leaseMs));
    await set.cache.report(second, { ...progress, done: 2 });
    const before = await set.cache.read(git.key);
    thaw.resolve();
    expect(await writing).toBe(false);
    expect(await set.cache.read(git.key)).toEqual(before);
    expect(await set.cache.settle(second, ready("git"))).toBe(true);
    expect(await write(frozen.cache, first)).toBe(false);
    expect(await set.cache.read(git.key)).toMatchObject({ state: "ready" });
  });
});

describe("when an answer of Firestore is lost", () => {
  const done = async (commit: () => Promise<unknown>, code: number) => {
    await commit();
    throw failureWith(code);
  };
  const notDone = async (_: () => Promise<unknown>, code: number) => {
    throw failureWith(code);
  };

  // What the library repeats by itself comes back as 6 or 9, since the first commit went through.
  it.each([
    ["UNKNOWN", 2, done],
    ["DEADLINE_EXCEEDED", 4, done],
    ["ALREADY_EXISTS", 6, done],
    ["FAILED_PRECONDITION", 9, done],
    ["ABORTED", 10, done],
    ["INTERNAL", 13, done],
    ["UNAVAILABLE", 14, done],
    ["DEADLINE_EXCEEDED", 4, notDone],
    ["ABORTED", 10, notDone],
    ["UNAVAILABLE", 14, notDone],
  ])("%s (%i) is no lost race: each step says what became of it", async (_, code, fail) => {
    await using set = await openBuildCaches();
    let commits = 0;
    // Each first attempt; the second goes through.
    meddle(set.client, (commit) => (commits++ % 2 === 0 ? fail(commit, code) : commit()));
    const step = async <T>(run: Promise<T>) => {
      const answer = await run;
      commits = 0;
      return answer;
    };
    const { cache, advance } = set;
    expect(await step(cache.request(git, "prebuild"))).toMatchObject({ outcome: "created" });
    expect(await step(cache.request(git, "pull"))).toMatchObject({ outcome: "promoted" });
    advance(15_000);
    expect(await step(cache.republish(git.key, 15_000))).toBe(true);
    const first = leaseOf(await step(cache.claim(git.key, "worker", leaseMs)));
    expect(first.epoch).toBe(1);
    expect(await step(cache.claim(git.key, "worker", leaseMs))).toEqual({ state: "taken" });
    expect(await step(cache.renew(first, leaseMs))).toBe(true);
    expect(await step(cache.report(first, progress))).toBe(true);
    await step(cache.release(first));
    expect(await cache.read(git.key)).toMatchObject({ state: "queued" });
    const second = leaseOf(await step(cache.claim(git.key, "worker", leaseMs)));
    expect(second.epoch).toBe(2);
    expect(await step(cache.settle(second, ready("git")))).toBe(true);
    expect(await cache.manifest(manifestOf("git").digest)).toBeDefined();
    expect(await cache.settle(second, failed())).toBe(false);
    expect(await cache.read(git.key)).toMatchObject({ state: "ready" });
    const curl = buildOf("curl");
    await step(cache.request(curl, "pull"));
    await step(cache.withdraw(curl.key));
    expect(await cache.read(curl.key)).toBeUndefined();
  });

  it("throws it when no attempt is answered", async () => {
    await using set = await openBuildCaches();
    let commits = 0;
    meddle(set.client, async () => {
      commits += 1;
      throw failureWith(14);
    });
    await expect(set.cache.request(git, "pull")).rejects.toThrow("14: said by the test");
    expect(commits).toBe(4);
  });

  it("throws what is neither a lost race nor a lost answer", async () => {
    await using set = await openBuildCaches();
    meddle(set.client, () => Promise.reject(failureWith(7)));
    await expect(set.cache.request(git, "pull")).rejects.toThrow("7: said by the test");
    expect(await set.cache.read(git.key)).toBeUndefined();
  });
});
