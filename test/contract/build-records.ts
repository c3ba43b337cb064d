import { describe, expect, it } from "vitest";
import { parseImage, type Image } from "../../core/image.ts";
import type { Pin } from "../../core/package-set.ts";
import type { Settlement } from "../../core/record.ts";
import { buildOf, failed, manifestOf, progress, ready } from "../support/builds.ts";
import { leaseOf, type BuildCacheSetUp } from "./build-cache.ts";

/** What every `BuildCache` promises of what is asked of records; who may work on them is in build-cache.ts. */
export function buildRecordsContract(adapter: string, setUp: () => Promise<BuildCacheSetUp>): void {
  const git = buildOf("git");
  const leaseMs = 60_000;
  // A store that is elsewhere takes a while to begin.
  const poll = { timeout: 10_000 };

  describe(`the records of the build cache in ${adapter}`, () => {
    it("begins anew what is no longer whole, for one of those who say so", async () => {
      await using set = await setUp();
      const spoil = () => set.cache.spoil(git.key, manifestOf("git").digest);
      expect(await spoil()).toBe(false);
      await set.cache.request(git, "pull");
      const claimed = await set.cache.claim(git.key, "worker", leaseMs);
      expect(await spoil()).toBe(false);
      await set.cache.settle(leaseOf(claimed), ready("git"));
      expect(await set.cache.spoil(git.key, manifestOf("another").digest)).toBe(false);
      const said = await Promise.all(Array.from({ length: 10 }, spoil));
      expect(said.filter(Boolean)).toHaveLength(1);
      expect(await set.cache.read(git.key)).toMatchObject({ state: "failed" });
      expect(await set.cache.request(git, "pull")).toMatchObject({ outcome: "created" });
    });

    it("keeps a manifest that no build led to, and serves it by digest from then on", async () => {
      await using set = await setUp();
      const manifest = manifestOf("an index");
      expect(await set.cache.manifest(manifest.digest)).toBeUndefined();
      await Promise.all(Array.from({ length: 10 }, () => set.cache.keep(manifest)));
      const kept = await set.cache.manifest(manifest.digest);
      expect(kept).toMatchObject({ digest: manifest.digest, mediaType: manifest.mediaType });
      expect(Buffer.from(kept?.bytes ?? [])).toEqual(Buffer.from(manifest.bytes));
    });

    it("settles a build as ready, and serves its manifest by digest from then on", async () => {
      await using set = await setUp();
      await set.cache.request(git, "pull");
      const lease = leaseOf(await set.cache.claim(git.key, "worker", leaseMs));
      const manifest = manifestOf("git");
      expect(await set.cache.manifest(manifest.digest)).toBeUndefined();
      expect(await set.cache.settle(lease, ready("git"))).toBe(true);
      const record = await set.cache.read(git.key);
      expect(record).toMatchObject({ state: "ready", manifest: { digest: manifest.digest } });
      const stored = await set.cache.manifest(manifest.digest);
      expect(Buffer.from(stored?.bytes ?? [])).toEqual(Buffer.from(manifest.bytes));
      expect(stored?.mediaType).toBe(manifest.mediaType);
      expect(await set.cache.claim(git.key, "other", leaseMs)).toEqual({ state: "settled" });
      expect(await set.cache.request(git, "pull")).toMatchObject({ outcome: "joined" });
    });

    it("writes progress where everybody sees it, and heartbeats where nobody is woken", async () => {
      await using set = await setUp();
      await set.cache.request(git, "pull");
      const lease = leaseOf(await set.cache.claim(git.key, "worker", leaseMs));
      await set.cache.report(lease, progress);
      expect(await set.cache.read(git.key)).toMatchObject({ state: "building", progress });
      const stop = new AbortController();
      let woken = 0;
      const watching = (async () => {
        for await (const _ of set.cache.watch(git.key, stop.signal)) woken += 1;
      })();
      await expect.poll(() => woken, poll).toBe(1);
      for (let i = 0; i < 5; i++) await set.cache.renew(lease, leaseMs);
      await set.cache.report(lease, { ...progress, done: 2 });
      await expect.poll(() => woken, poll).toBe(2);
      stop.abort();
      await watching;
    });

    it("has one of those who pull publish what was queued for nobody", async () => {
      await using set = await setUp();
      expect((await set.cache.request(git, "prebuild")).record.lane).toBe("prebuild");
      expect((await set.cache.request(git, "prebuild")).outcome).toBe("joined");
      const asked = await Promise.all(
        Array.from({ length: 10 }, () => set.cache.request(git, "pull")),
      );
      expect(asked.filter(({ outcome }) => outcome === "promoted")).toHaveLength(1);
      expect(asked.filter(({ outcome }) => outcome === "joined")).toHaveLength(9);
      expect(await set.cache.read(git.key)).toMatchObject({ state: "queued", lane: "pull" });
      const lease = leaseOf(await set.cache.claim(git.key, "worker", leaseMs));
      await set.cache.release(lease);
      expect(await set.cache.read(git.key)).toMatchObject({ state: "queued", lane: "pull" });
    });

    it("lists builds that nobody works on, those that wait longest first, and how often they were published", async () => {
      await using set = await setUp();
      for (const name of ["git", "curl", "htop", "hello"]) {
        await set.cache.request(buildOf(name), "pull");
        set.advance(10);
      }
      expect(await set.cache.neglected(15_000, 10)).toEqual([]);
      set.advance(15_000);
      const settled = leaseOf(await set.cache.claim(buildOf("curl").key, "worker", leaseMs));
      await set.cache.settle(settled, ready("curl"));
      const alive = leaseOf(await set.cache.claim(buildOf("htop").key, "worker", leaseMs));
      const neglected = async () =>
        (await set.cache.neglected(15_000, 10)).map(({ record, published }) => [
          record.image.packages[0],
          published,
        ]);
      expect(await neglected()).toEqual([
        ["git", 1],
        ["hello", 1],
      ]);
      expect(await set.cache.neglected(15_000, 1)).toHaveLength(1);
      await set.cache.republish(git.key, 15_000);
      expect(await neglected()).toEqual([["hello", 1]]);
      set.advance(leaseMs + 1);
      // The worker of the third has not been heard of since.
      expect(await neglected()).toEqual([
        ["htop", 1],
        ["hello", 1],
        ["git", 2],
      ]);
      expect(await set.cache.renew(alive, leaseMs)).toBe(true);
      expect(await neglected()).toEqual([
        ["hello", 1],
        ["git", 2],
      ]);
    });

    it("lists what is not settled, whoever works on it, those published longest ago first", async () => {
      await using set = await setUp();
      for (const name of ["git", "curl", "htop"]) {
        await set.cache.request(buildOf(name), "pull");
        set.advance(10);
      }
      await set.cache.claim(buildOf("curl").key, "worker", leaseMs);
      const lease = leaseOf(await set.cache.claim(buildOf("htop").key, "worker", leaseMs));
      await set.cache.settle(lease, ready("htop"));
      const open = await set.cache.unsettled(10);
      expect(open.map(({ key, state }) => [key, state])).toEqual([
        [git.key, "queued"],
        [buildOf("curl").key, "building"],
      ]);
      expect(await set.cache.unsettled(1)).toHaveLength(1);
    });

    it("counts anew how often a build is published that begins once more", async () => {
      await using set = await setUp();
      await set.cache.request(git, "pull");
      set.advance(15_000);
      await set.cache.republish(git.key, 15_000);
      const lease = leaseOf(await set.cache.claim(git.key, "worker", leaseMs));
      await set.cache.settle(lease, failed());
      set.advance(10_000);
      await set.cache.request(git, "pull");
      set.advance(15_000);
      expect(await set.cache.neglected(15_000, 10)).toMatchObject([{ published: 1 }]);
    });

    it("lists the revisions at which an image is ready, on any of its platforms, each once", async () => {
      await using set = await setUp();
      const settle = async (name: string, where: Partial<Pin>, settlement: Settlement) => {
        const build = buildOf(name, where);
        await set.cache.request(build, "pull");
        await set.cache.settle(
          leaseOf(await set.cache.claim(build.key, "worker", leaseMs)),
          settlement,
        );
      };
      await settle("git", { revision: "one" }, ready("git"));
      await settle("arm64/git", { revision: "one" }, ready("git"));
      await settle("arm64/git", { revision: "two" }, ready("git"));
      await settle("git", { revision: "broken" }, failed());
      await settle("git", { packageSet: "nixpkgs", revision: "another" }, ready("git"));
      await settle("shell/git", { revision: "with a shell" }, ready("git"));
      await settle("git/curl", { revision: "with more" }, ready("git"));
      await set.cache.request(buildOf("git", { revision: "queued" }), "pull");

      const both = [parseImage("git", "amd64"), parseImage("git", "arm64")];
      const found = async (images: readonly Image[], limit = 10) =>
        (await set.cache.revisions("starter", images, limit)).toSorted();
      expect(await found(both)).toEqual(["one", "two"]);
      expect(await found(both.slice(0, 1))).toEqual(["one"]);
      expect(await found(both, 1)).toHaveLength(1);
      expect(await found([])).toEqual([]);
      expect(await found([parseImage("curl", "amd64")])).toEqual([]);
    });

    it("lists what changed last, newest first", async () => {
      await using set = await setUp();
      for (const name of ["git", "curl", "htop"]) {
        await set.cache.request(buildOf(name), "pull");
        set.advance(10);
      }
      const lease = leaseOf(await set.cache.claim(git.key, "worker", leaseMs));
      set.advance(10);
      await set.cache.settle(lease, ready("git"));
      const recent = await set.cache.recent(2);
      expect(recent.map(({ image }) => image.packages[0])).toEqual(["git", "htop"]);
    });
  });
}
