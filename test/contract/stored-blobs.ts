import { describe, expect, it } from "vitest";
import { digestOf, type Digest } from "../../core/digest.ts";
import type { BlobStore, StoredBlob, StoredBlobs } from "../../core/ports.ts";
import { holdMs } from "../../core/retention.ts";

export interface StoredBlobsSetUp extends AsyncDisposable {
  readonly store: BlobStore;
  readonly blobs: StoredBlobs;
  /** Moves the store's clock on. */
  advance(ms: number): void;
}

const never = new AbortController().signal;

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

/** What every `StoredBlobs` promises, with the `BlobStore` over the same blobs. */
export function storedBlobsContract(adapter: string, setUp: () => Promise<StoredBlobsSetUp>): void {
  const hello = digestOf("hello");

  async function listed({ blobs }: StoredBlobsSetUp, digest: Digest): Promise<StoredBlob> {
    const found = (await blobs.list(undefined, 100)).find((blob) => blob.digest === digest);
    if (found === undefined) throw new Error(`${digest} is not listed`);
    return found;
  }

  /** A blob that was written long enough ago to be held anew. */
  async function old(set: StoredBlobsSetUp): Promise<StoredBlob> {
    await set.store.write(once("hello"), never);
    set.advance(2 * holdMs);
    return await listed(set, hello);
  }

  describe(`all blobs in ${adapter}`, () => {
    it("are listed once each in the order of their digests, in pages", async () => {
      await using set = await setUp();
      const texts = Array.from({ length: 25 }, (_, i) => `blob ${i}`);
      await Promise.all(texts.map((text) => set.store.write(once(text), never)));
      const found: StoredBlob[] = [];
      for (;;) {
        const page = await set.blobs.list(found.at(-1)?.digest, 10);
        found.push(...page);
        if (page.length < 10) break;
      }
      expect(found.map(({ digest }) => digest)).toEqual(texts.map((text) => digestOf(text)).sort());
      expect(found.find(({ digest }) => digest === digestOf("blob 3"))?.size).toBe(6);
      expect(await set.blobs.list(undefined, 3)).toEqual(found.slice(0, 3));
    });

    it("go where they are as they were listed", async () => {
      await using set = await setUp();
      const blob = await old(set);
      await set.store.write(once("other"), never);
      expect(await set.blobs.remove(blob)).toBe(true);
      expect(await set.store.stat(hello)).toBeUndefined();
      expect(await set.store.stat(digestOf("other"))).toEqual({ size: 5 });
      expect(await set.blobs.remove(blob)).toBe(false);
      expect(await set.store.hold(hello, 5)).toBe(false);
    });

    it.each<[string, (set: StoredBlobsSetUp) => Promise<unknown>]>([
      ["written again", async (set) => await set.store.write(once("hello"), never)],
      ["held by who names it", async (set) => await set.store.hold(hello, 5)],
      ["held by who removes what named it", async (set) => await set.blobs.hold(hello)],
      [
        "removed and written",
        async (set) => {
          await set.blobs.remove(await listed(set, hello));
          await set.store.write(once("hello"), never);
        },
      ],
    ])("stay where they were %s since, and count as used then", async (_, use) => {
      await using set = await setUp();
      const before = await old(set);
      await use(set);
      const after = await listed(set, hello);
      expect(await set.blobs.remove(before)).toBe(false);
      expect(await set.store.stat(hello)).toEqual({ size: 5 });
      expect(after.usedAt - before.usedAt).toBeGreaterThanOrEqual(2 * holdMs - 1000);
      expect(await set.blobs.remove(after)).toBe(true);
    });

    it("are held without a write where they are young", async () => {
      await using set = await setUp();
      await set.store.write(once("hello"), never);
      const before = await listed(set, hello);
      set.advance(holdMs / 2);
      expect(await set.store.hold(hello, 5)).toBe(true);
      await set.blobs.hold(hello);
      expect(await listed(set, hello)).toEqual(before);
    });

    it("are not held where there is none, or one of another size", async () => {
      await using set = await setUp();
      const before = await old(set);
      expect(await set.store.hold(hello, 4)).toBe(false);
      expect(await set.store.hold(digestOf("none"), 4)).toBe(false);
      await set.blobs.hold(digestOf("none"));
      expect(await set.blobs.list(undefined, 10)).toEqual([before]);
    });
  });
}
