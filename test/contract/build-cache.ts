import { describe, expect, it } from "vitest";
import type { BuildCache, Claimed, Lease } from "../../core/ports.ts";
import { buildOf, failed, progress, ready } from "../support/builds.ts";

export interface BuildCacheSetUp extends AsyncDisposable {
  readonly cache: BuildCache;
  /** Moves the cache's clock on. */
  advance(ms: number): void;
}

/** What every `BuildCache` promises of who may work on a build; the rest is in build-records.ts. */
export function buildCacheContract(adapter: string, setUp: () => Promise<BuildCacheSetUp>): void {
  const git = buildOf("git");
  const leaseMs = 60_000;
  // A store that is elsewhere takes a while to begin.
  const poll = { timeout: 10_000 };

  describe(`the build cache in ${adapter}`, () => {
    it("knows nothing of a build nobody asked for", async () => {
      await using set = await setUp();
      expect(await set.cache.read(git.key)).toBeUndefined();
      expect(await set.cache.claim(git.key, "worker", leaseMs)).toEqual({ state: "unknown" });
      expect(await set.cache.republish(git.key, 0)).toBe(false);
    });

    it("tells exactly one of fifty who ask at once that the build is theirs to publish", async () => {
      await using set = await setUp();
      const asked = await Promise.all(
        Array.from({ length: 50 }, () => set.cache.request(git, "pull")),
      );
      expect(asked.filter(({ outcome }) => outcome === "created")).toHaveLength(1);
      expect(asked.every(({ record }) => record.state === "queued")).toBe(true);
      expect(await set.cache.read(git.key)).toMatchObject({ ...git, state: "queued", attempt: 1 });
    });

    it("takes back a request whose job was not published", async () => {
      await using set = await setUp();
      await set.cache.request(git, "pull");
      await set.cache.withdraw(git.key);
      expect(await set.cache.read(git.key)).toBeUndefined();
      expect(await set.cache.request(git, "pull")).toMatchObject({ outcome: "created" });
    });

    it("does not take back what somebody works on", async () => {
      await using set = await setUp();
      await set.cache.request(git, "pull");
      await set.cache.claim(git.key, "worker", leaseMs);
      await set.cache.withdraw(git.key);
      expect(await set.cache.read(git.key)).toMatchObject({ state: "building" });
    });

    it("gives the lease of a build to one of twenty workers", async () => {
      await using set = await setUp();
      await set.cache.request(git, "pull");
      const claims = await Promise.all(
        Array.from({ length: 20 }, (_, i) => set.cache.claim(git.key, `worker ${i}`, leaseMs)),
      );
      expect(claims.filter(({ state }) => state === "mine")).toHaveLength(1);
      expect(claims.filter(({ state }) => state === "taken")).toHaveLength(19);
      expect(await set.cache.read(git.key)).toMatchObject({ state: "building" });
    });

    it("gives it to one of twenty deliveries to the same worker", async () => {
      await using set = await setUp();
      await set.cache.request(git, "pull");
      const claims = await Promise.all(
        Array.from({ length: 20 }, () => set.cache.claim(git.key, "worker", leaseMs)),
      );
      expect(claims.filter(({ state }) => state === "mine")).toHaveLength(1);
    });

    it("fences out an owner whose lease has lapsed", async () => {
      await using set = await setUp();
      await set.cache.request(git, "pull");
      const first = leaseOf(await set.cache.claim(git.key, "slow", leaseMs));
      set.advance(leaseMs + 1);
      const second = leaseOf(await set.cache.claim(git.key, "quick", leaseMs));
      expect(second.epoch).toBeGreaterThan(first.epoch);
      expect(await set.cache.renew(first, leaseMs)).toBe(false);
      expect(await set.cache.report(first, progress)).toBe(false);
      expect(await set.cache.settle(first, failed())).toBe(false);
      await set.cache.release(first);
      expect(await set.cache.read(git.key)).toMatchObject({ state: "building" });
      expect(await set.cache.settle(second, ready("git"))).toBe(true);
    });

    it("fences out an owner even from a lease it took again itself", async () => {
      await using set = await setUp();
      await set.cache.request(git, "pull");
      const first = leaseOf(await set.cache.claim(git.key, "worker", leaseMs));
      await set.cache.release(first);
      const second = leaseOf(await set.cache.claim(git.key, "worker", leaseMs));
      expect(second.epoch).toBeGreaterThan(first.epoch);
      expect(await set.cache.settle(first, failed())).toBe(false);
    });

    it("keeps a lease alive for as long as it is renewed", async () => {
      await using set = await setUp();
      await set.cache.request(git, "pull");
      const lease = leaseOf(await set.cache.claim(git.key, "worker", leaseMs));
      for (let i = 0; i < 4; i++) {
        set.advance(leaseMs - 1000);
        expect(await set.cache.renew(lease, leaseMs)).toBe(true);
      }
      expect(await set.cache.claim(git.key, "other", leaseMs)).toEqual({ state: "taken" });
    });

    it("queues a build again whose lease was given back", async () => {
      await using set = await setUp();
      await set.cache.request(git, "pull");
      const lease = leaseOf(await set.cache.claim(git.key, "worker", leaseMs));
      await set.cache.release(lease);
      expect(await set.cache.read(git.key)).toMatchObject({ state: "queued" });
      expect(await set.cache.claim(git.key, "other", leaseMs)).toMatchObject({ state: "mine" });
    });

    it("has one of those who wait publish again a job that nobody works on", async () => {
      await using set = await setUp();
      await set.cache.request(git, "pull");
      expect(await set.cache.republish(git.key, 15_000)).toBe(false);
      set.advance(15_000);
      const told = await Promise.all(
        Array.from({ length: 10 }, () => set.cache.republish(git.key, 15_000)),
      );
      expect(told.filter(Boolean)).toHaveLength(1);

      const lease = leaseOf(await set.cache.claim(git.key, "worker", leaseMs));
      set.advance(leaseMs - 1);
      expect(await set.cache.republish(git.key, 15_000)).toBe(false);
      set.advance(2);
      expect(await set.cache.republish(git.key, 15_000)).toBe(true);
      expect(await set.cache.renew(lease, leaseMs)).toBe(true);
      await set.cache.settle(lease, ready("git"));
      set.advance(15_000);
      expect(await set.cache.republish(git.key, 15_000)).toBe(false);
    });

    it("starts a failed build over once its failure is forgotten, for one of those who ask", async () => {
      await using set = await setUp();
      await set.cache.request(git, "pull");
      const lease = leaseOf(await set.cache.claim(git.key, "worker", leaseMs));
      await set.cache.settle(lease, failed());
      expect(await set.cache.request(git, "pull")).toMatchObject({
        outcome: "joined",
        record: { state: "failed", failure: { message: "it does not compile" } },
      });
      set.advance(10_000);
      const asked = await Promise.all(
        Array.from({ length: 10 }, () => set.cache.request(git, "pull")),
      );
      expect(asked.filter(({ outcome }) => outcome === "created")).toHaveLength(1);
      expect(await set.cache.read(git.key)).toMatchObject({ state: "queued", attempt: 2 });
    });

    it("shows a watcher the record as it is, each later state, and ends with the signal", async () => {
      await using set = await setUp();
      const stop = new AbortController();
      const seen: (string | undefined)[] = [];
      const watching = (async () => {
        for await (const record of set.cache.watch(git.key, stop.signal)) {
          seen.push(record?.state);
          if (record?.state === "ready") stop.abort();
        }
      })();
      await expect.poll(() => seen, poll).toEqual([undefined]);
      await set.cache.request(git, "pull");
      await expect.poll(() => seen, poll).toEqual([undefined, "queued"]);
      const lease = leaseOf(await set.cache.claim(git.key, "worker", leaseMs));
      await expect.poll(() => seen, poll).toEqual([undefined, "queued", "building"]);
      await set.cache.report(lease, progress);
      await set.cache.settle(lease, ready("git"));
      await watching;
      expect(seen.at(-1)).toBe("ready");
    });
  });
}

export function leaseOf(claimed: Claimed): Lease {
  if (claimed.state !== "mine") throw new Error(`the claim was not granted: ${claimed.state}`);
  return claimed.lease;
}
