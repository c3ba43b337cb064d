import { describe, expect, it } from "vitest";
import { digestOf } from "../../core/digest.ts";
import type { BuildCache, StoredManifests, UsedManifest } from "../../core/ports.ts";
import type { BuildRequest } from "../../core/record.ts";
import { buildOf, manifestOf, pin, ready } from "../support/builds.ts";

export interface StoredManifestsSetUp extends AsyncDisposable {
  readonly cache: BuildCache;
  readonly manifests: StoredManifests;
  /** Moves the clock of both on. */
  advance(ms: number): void;
  now(): number;
}

const hour = 60 * 60_000;

/** What every `StoredManifests` promises, and `BuildCache` of how manifests are used. */
export function storedManifestsContract(
  adapter: string,
  setUp: () => Promise<StoredManifestsSetUp>,
): void {
  const git = buildOf("git");
  const { digest } = manifestOf("git");

  async function build({ cache }: StoredManifestsSetUp, request: BuildRequest, name = "git") {
    await cache.request(request, "pull");
    const claimed = await cache.claim(request.key, "worker", 60_000);
    if (claimed.state !== "mine") throw new Error(`the claim was not granted: ${claimed.state}`);
    await cache.settle(claimed.lease, ready(name));
  }

  async function usedAt({ manifests }: StoredManifestsSetUp): Promise<number | undefined> {
    const all: readonly UsedManifest[] = await manifests.list(undefined, 100);
    return all.find((manifest) => manifest.digest === digest)?.usedAt;
  }

  describe(`all manifests in ${adapter}`, () => {
    it("are listed once each in the order of their digests, in pages, with their bytes", async () => {
      await using set = await setUp();
      const all = Array.from({ length: 25 }, (_, i) => manifestOf(`image ${i}`));
      await Promise.all(all.map((manifest) => set.cache.keep(manifest)));
      const found: UsedManifest[] = [];
      for (;;) {
        const page = await set.manifests.list(found.at(-1)?.digest, 10);
        found.push(...page);
        if (page.length < 10) break;
      }
      const sorted = all.map((each) => each.digest).sort();
      expect(found.map((each) => each.digest)).toEqual(sorted);
      expect(found.map((each) => digestOf(each.bytes))).toEqual(sorted);
      expect(new Set(found.map((each) => each.usedAt))).toEqual(new Set([set.now()]));
    });

    it("count as used when they are built, kept or pulled, and never as used before that", async () => {
      await using set = await setUp();
      await build(set, git);
      const built = set.now();
      expect(await usedAt(set)).toBe(built);
      set.advance(hour);
      expect(await set.cache.use([digest], built - hour)).toEqual([]);
      expect(await usedAt(set)).toBe(built);
      expect(await set.cache.use([digest], set.now())).toEqual([]);
      expect(await usedAt(set)).toBe(built + hour);
      set.advance(hour);
      await set.cache.keep(manifestOf("git"));
      expect(await usedAt(set)).toBe(built + 2 * hour);
    });

    it("are told from those that are not there, which a use does not make", async () => {
      await using set = await setUp();
      await set.cache.keep(manifestOf("git"));
      const none = digestOf("none");
      expect(await set.cache.use([none, digest], set.now())).toEqual([none]);
      expect(await set.cache.manifest(none)).toBeUndefined();
      expect(await set.cache.use([], set.now())).toEqual([]);
    });

    it("go with all records that have them, and nothing else does", async () => {
      await using set = await setUp();
      const other = buildOf("git", { revision: "other" });
      const curl = buildOf("curl");
      await build(set, git);
      await build(set, other);
      await build(set, curl, "curl");
      set.advance(hour);
      expect(await set.manifests.remove(digest, set.now())).toBe(true);
      expect(await set.cache.manifest(digest)).toBeUndefined();
      expect(await set.cache.read(git.key)).toBeUndefined();
      expect(await set.cache.read(other.key)).toBeUndefined();
      expect(await set.cache.read(curl.key)).toMatchObject({ state: "ready" });
      expect(await set.cache.manifest(manifestOf("curl").digest)).toBeDefined();
      expect(await set.manifests.remove(digest, set.now())).toBe(false);
      // The next pull has it built, and so on.
      await build(set, git);
      expect(await set.cache.read(git.key)).toMatchObject({ state: "ready" });
    });

    it("stay with their records where they were used at that time, or later", async () => {
      await using set = await setUp();
      await build(set, git);
      expect(await set.manifests.remove(digest, set.now())).toBe(false);
      set.advance(hour);
      await set.cache.use([digest], set.now());
      expect(await set.manifests.remove(digest, set.now() - 1)).toBe(false);
      expect(await set.cache.read(git.key)).toMatchObject({ state: "ready" });
      expect(await set.cache.manifest(digest)).toBeDefined();
    });

    it("leave a revision without builds when the last of its records goes", async () => {
      await using set = await setUp();
      expect(await set.manifests.isBuilt(pin)).toBe(false);
      await set.cache.request(buildOf("curl"), "pull");
      expect(await set.manifests.isBuilt(pin)).toBe(true);
      expect(await set.manifests.isBuilt({ ...pin, packageSet: "other" })).toBe(false);
      expect(await set.manifests.isBuilt({ ...pin, revision: "other" })).toBe(false);
      await set.cache.withdraw(buildOf("curl").key);
      await build(set, git);
      set.advance(hour);
      await set.manifests.remove(digest, set.now());
      expect(await set.manifests.isBuilt(pin)).toBe(false);
    });
  });
}
