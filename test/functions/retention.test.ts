import { describe, expect, it } from "vitest";
import { buildKey } from "../../core/build-key.ts";
import { digestOf } from "../../core/digest.ts";
import { parseImage } from "../../core/image.ts";
import { openDatabaseInMemory } from "../../core/local/database.ts";
import { mediaTypes } from "../../core/manifest.ts";
import { holdAgainMs, noticedMs } from "../../core/retention.ts";
import { packageSetId } from "../../core/package-set.ts";
import { createRetention } from "../../functions/retention.ts";
import { retainedText } from "../../functions/retention-text.ts";
import { createMemoryBlobs } from "../support/memory-blobs.ts";
import {
  buildIn,
  graceMs,
  keepMs,
  learnPlan,
  localStores,
  options,
  packageSet,
} from "../support/retention-world.ts";

const hour = 60 * 60_000;
const day = 24 * hour;
const never = new AbortController().signal;

function open(more: { keepMs?: number } = {}) {
  const database = openDatabaseInMemory();
  let time = 1_700_000_000_000;
  const now = () => time;
  const memory = createMemoryBlobs(now);
  const stores = localStores(database, memory, now);
  const log: string[] = [];
  const retain = createRetention({
    ...stores,
    keepMs,
    graceMs,
    now,
    log: (severity, message) => void log.push(`${severity} ${message}`),
    ...more,
  });
  return {
    ...stores,
    database,
    memory,
    retain,
    log,
    now,
    advance: (ms: number) => void (time += ms),
    async build(name: string) {
      const image = parseImage(name, "amd64");
      const pin = { packageSet: packageSetId(packageSet), revision: "a".repeat(40) };
      const key = buildKey(image, pin, options);
      await stores.cache.request({ key, image, pin }, "pull");
      await buildIn(stores, key, now);
      const record = await stores.cache.read(key);
      if (record?.state !== "ready") throw new Error(`${name} was not built`);
      return { key, digest: record.manifest.digest };
    },
    [Symbol.dispose]: () => database[Symbol.dispose](),
  };
}

describe("an image that nobody pulled for long", () => {
  it("is served no longer, and its layers go a day later, but for those that others need", async () => {
    using set = open();
    const git = await set.build("git");
    const curl = await set.build("curl");
    const before = set.memory.count();
    set.advance(keepMs + noticedMs + 1);
    await set.cache.use([curl.digest], set.now());
    const first = await set.retain(false, never);
    expect(first).toMatchObject({
      manifests: { removed: 1, kept: 1 },
      blobs: { removed: { count: 0 }, waiting: { count: 3 }, needed: { count: 5 } },
      isWhole: true,
    });
    expect(await set.cache.read(git.key)).toBeUndefined();
    expect(await set.cache.manifest(git.digest)).toBeUndefined();
    expect(set.memory.count()).toBe(before);
    set.advance(graceMs - 1000);
    expect((await set.retain(false, never)).blobs.removed.count).toBe(0);
    set.advance(2000);
    const last = await set.retain(false, never);
    expect(last.blobs).toMatchObject({ removed: { count: 3 }, waiting: { count: 0 } });
    expect(set.memory.count()).toBe(5);
    expect(set.log.at(-1)).toMatch(/^INFO removed 0 images .* and 3 blobs \(\d+ bytes\)/);
    // What it was made of is found where it is left, and the rest is made anew.
    expect(await set.build("git")).toEqual(git);
    expect(set.memory.count()).toBe(before);
  });

  it("stays where what is kept is kept for ever", async () => {
    using set = open({ keepMs: Infinity });
    const { key } = await set.build("git");
    set.advance(10_000 * day);
    expect(await set.retain(false, never)).toMatchObject({ manifests: { removed: 0, kept: 1 } });
    expect(await set.cache.read(key)).toMatchObject({ state: "ready" });
  });

  it("stays while an index has it, and as long after as pulls may take", async () => {
    using set = open();
    const { digest } = await set.build("git");
    const bytes = Buffer.from(JSON.stringify({ manifests: [{ digest, size: 1 }] }));
    const index = { digest: digestOf(bytes), mediaType: mediaTypes.index, bytes };
    await set.cache.keep(index);
    set.advance(keepMs);
    await set.cache.use([index.digest], set.now());
    set.advance(day);
    expect((await set.retain(false, never)).manifests).toEqual({ removed: 0, kept: 2 });
    set.advance(keepMs);
    expect((await set.retain(false, never)).manifests).toEqual({ removed: 1, kept: 1 });
    expect(await set.cache.manifest(digest)).toBeDefined();
    set.advance(graceMs - hour);
    expect((await set.retain(false, never)).manifests).toEqual({ removed: 0, kept: 1 });
    set.advance(2 * hour);
    expect((await set.retain(false, never)).manifests).toEqual({ removed: 1, kept: 0 });
  });

  it("takes what is attached to it along, which stays while it is there", async () => {
    using set = open();
    const { digest } = await set.build("git");
    const subject = { mediaType: mediaTypes.manifest, digest, size: 1 };
    const bytes = Buffer.from(JSON.stringify({ layers: [], subject }));
    const signature = { digest: digestOf(bytes), mediaType: mediaTypes.manifest, bytes };
    await set.cache.keep(signature);
    await set.referrers.add(digest, { ...subject, digest: signature.digest });
    set.advance(keepMs + day);
    await set.cache.use([digest], set.now());
    expect((await set.retain(false, never)).manifests).toEqual({ removed: 0, kept: 2 });
    set.advance(keepMs + day);
    await set.retain(false, never);
    expect(await set.referrers.list(digest)).toHaveLength(1);
    await set.retain(false, never);
    expect(await set.referrers.list(digest)).toEqual([]);
    expect(await set.cache.manifest(signature.digest)).toBeUndefined();
  });
});

describe("retention", () => {
  it("says what it would remove, and removes nothing, where that is asked for", async () => {
    using set = open();
    await set.build("git");
    set.advance(keepMs + day);
    await set.build("jq");
    const before = set.memory.count();
    const would = await set.retain(true, never);
    expect(set.memory.count()).toBe(before);
    expect(retainedText(would, true)).toEqual([
      "would remove 1 images and indexes that nobody pulled; 1 stay",
      "would remove 0 blobs (0 bytes) that nothing needs",
      expect.stringMatching(/^4 blobs \(1 kB\) wait for the grace to be over$/),
      expect.stringMatching(/^4 blobs \(\d+ bytes\) are needed$/),
      "would forget 0 revisions that nothing is left of",
    ]);
    expect(await set.retain(false, never)).toEqual(would);
  });

  it("removes nothing where one manifest cannot be read", async () => {
    using set = open();
    await set.build("git");
    set.advance(keepMs + day);
    const { digest } = await set.build("curl");
    set.database.run("update manifests set bytes = x'00' where digest = ?", digest);
    const before = set.memory.count();
    await expect(set.retain(false, never)).rejects.toThrow(`the manifest ${digest} is damaged`);
    set.database.run("update manifests set used_at = 0");
    await expect(set.retain(false, never)).rejects.toThrow("so nothing is removed");
    expect(set.memory.count()).toBe(before);
  });

  it("counts what a former version stored as pulled when it first sees it", async () => {
    using set = open();
    await set.build("git");
    set.database.run("update manifests set used_at = null");
    set.advance(2 * keepMs);
    expect((await set.retain(true, never)).manifests).toEqual({ removed: 0, kept: 1 });
    expect((await set.retain(false, never)).manifests).toEqual({ removed: 0, kept: 1 });
    set.advance(keepMs + day);
    expect((await set.retain(false, never)).manifests).toEqual({ removed: 1, kept: 0 });
  });

  it("leaves to the next run what took so long that it may be old again", async () => {
    using set = open();
    await set.build("git");
    set.advance(keepMs + day);
    const blobs = {
      ...set.blobs,
      hold: async (digest: Parameters<typeof set.blobs.hold>[0]) => {
        await set.blobs.hold(digest);
        set.advance(holdAgainMs);
      },
    };
    const slow = createRetention({ ...set, blobs, keepMs, graceMs, log: () => undefined });
    expect((await slow(false, never)).manifests).toEqual({ removed: 0, kept: 1 });
    expect((await set.retain(false, never)).manifests).toEqual({ removed: 1, kept: 0 });
  });

  it("forgets which plans apply where nothing was built, and keeps the plans that are named", async () => {
    using set = open();
    await learnPlan(set, set.now);
    const plan = digestOf("a layer plan");
    const at = (revision: string) => ({ packageSet: packageSetId(packageSet), revision });
    await set.plans.apply(at("made up"), undefined, { amd64: plan });
    await set.plans.apply(at("a".repeat(40)), undefined, {});
    await set.build("git");
    set.advance(day);
    expect((await set.retain(false, never)).revisions).toBe(0);
    set.advance(2 * day);
    expect((await set.retain(true, never)).revisions).toBe(1);
    expect((await set.retain(false, never)).revisions).toBe(1);
    expect((await set.plans.decisions()).map(({ pin }) => pin.revision)).toEqual(["a".repeat(40)]);
    set.advance(10 * day);
    await set.retain(false, never);
    expect(set.memory.has(plan)).toBe(true);
  });
});
