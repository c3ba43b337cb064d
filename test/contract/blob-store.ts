import { describe, expect, it } from "vitest";
import { digestOf, type Digest } from "../../core/digest.ts";
import type { BlobStore } from "../../core/ports.ts";

export interface BlobStoreSetUp extends AsyncDisposable {
  readonly store: BlobStore;
  /** Overwrites what is stored under a digest, as a broken disk would. */
  corrupt(digest: Digest, bytes: Uint8Array): Promise<void>;
  /** Names of uploads that are not finished. */
  staged(): Promise<readonly string[]>;
}

const never = new AbortController().signal;
const hello = Buffer.from("hello, layers");

async function* chunks(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

/** What every `BlobStore` promises; `bytesOf` reads a blob as a client would. */
export function blobStoreContract(
  adapter: string,
  setUp: () => Promise<BlobStoreSetUp>,
  bytesOf: (
    store: BlobStore,
    digest: Digest,
    range?: { first: number; last: number },
  ) => Promise<Buffer>,
): void {
  describe(`the blob store in ${adapter}`, () => {
    it("answers undefined for a blob it does not have", async () => {
      await using set = await setUp();
      expect(await set.store.stat(digestOf(hello))).toBeUndefined();
      expect(await set.store.locate(digestOf(hello))).toBeUndefined();
      expect(await set.store.isSound(digestOf(hello), hello.length)).toBe(false);
      expect(await set.store.read(digestOf(hello), 100)).toBeUndefined();
    });

    it("reads a small blob whole, and none that is larger than was said", async () => {
      await using set = await setUp();
      const { digest } = await set.store.write(chunks(hello), never);
      expect(await set.store.read(digest, hello.length)).toEqual(hello);
      await expect(set.store.read(digest, hello.length - 1)).rejects.toThrow(
        `${digest} has 13 bytes, and 12 are the limit`,
      );
      const empty = await set.store.write(chunks(), never);
      expect(await set.store.read(empty.digest, 0)).toHaveLength(0);
    });

    it("stores a stream under the digest of its bytes", async () => {
      await using set = await setUp();
      const stored = await set.store.write(chunks(hello.subarray(0, 5), hello.subarray(5)), never);
      expect(stored).toEqual({ digest: digestOf(hello), size: hello.length });
      expect(await set.store.stat(stored.digest)).toEqual({ size: hello.length });
      expect(await bytesOf(set.store, stored.digest)).toEqual(hello);
      expect(await set.store.isSound(stored.digest, hello.length)).toBe(true);
      expect(await set.staged()).toEqual([]);
    });

    it("stores a stream of many megabytes", async () => {
      await using set = await setUp();
      const bytes = Buffer.alloc(9_500_001, "layer after layer ");
      async function* pieces() {
        for (let at = 0; at < bytes.length; at += 100_000) yield bytes.subarray(at, at + 100_000);
      }
      const { digest } = await set.store.write(pieces(), never);
      expect(digest).toBe(digestOf(bytes));
      expect((await bytesOf(set.store, digest)).equals(bytes)).toBe(true);
      expect(await set.store.isSound(digest, bytes.length)).toBe(true);
      expect(await set.store.isSound(digest, bytes.length + 1)).toBe(false);
      expect(await set.staged()).toEqual([]);
    });

    it("stores a stream of no bytes", async () => {
      await using set = await setUp();
      const { digest } = await set.store.write(chunks(), never);
      expect(await set.store.stat(digest)).toEqual({ size: 0 });
      expect(await set.store.isSound(digestOf(""), 0)).toBe(true);
    });

    it("gives one range of the bytes", async () => {
      await using set = await setUp();
      const { digest } = await set.store.write(chunks(hello), never);
      expect(await bytesOf(set.store, digest, { first: 7, last: 12 })).toEqual(
        hello.subarray(7, 13),
      );
      expect(await bytesOf(set.store, digest, { first: 0, last: 0 })).toEqual(hello.subarray(0, 1));
    });

    it("shows nothing of a blob before its last byte", async () => {
      await using set = await setUp();
      const last = Promise.withResolvers<void>();
      const first = Promise.withResolvers<void>();
      async function* slowly() {
        yield hello.subarray(0, 5);
        first.resolve();
        await last.promise;
        yield hello.subarray(5);
      }
      const writing = set.store.write(slowly(), never);
      await first.promise;
      expect(await set.store.stat(digestOf(hello))).toBeUndefined();
      expect(await set.store.stat(digestOf(hello.subarray(0, 5)))).toBeUndefined();
      last.resolve();
      expect(await writing).toMatchObject({ digest: digestOf(hello) });
    });

    it("leaves nothing behind of a stream that failed", async () => {
      await using set = await setUp();
      async function* failing() {
        yield hello;
        throw new Error("the reader failed");
      }
      await expect(set.store.write(failing(), never)).rejects.toThrow("the reader failed");
      expect(await set.store.stat(digestOf(hello))).toBeUndefined();
      expect(await set.staged()).toEqual([]);
    });

    it("leaves nothing behind of a write that was aborted", async () => {
      await using set = await setUp();
      const stop = new AbortController();
      async function* endless() {
        for (;;) {
          yield hello;
          stop.abort(new Error("no longer wanted"));
        }
      }
      await expect(set.store.write(endless(), stop.signal)).rejects.toThrow("no longer wanted");
      expect(await set.staged()).toEqual([]);
    });

    it("writes nothing when it is no longer wanted before it begins", async () => {
      await using set = await setUp();
      const stopped = AbortSignal.abort(new Error("no longer wanted"));
      await expect(set.store.write(chunks(hello), stopped)).rejects.toThrow("no longer wanted");
      expect(await set.store.stat(digestOf(hello))).toBeUndefined();
      expect(await set.staged()).toEqual([]);
    });

    it("takes the same blob from two writers at once", async () => {
      await using set = await setUp();
      const stored = await Promise.all([
        set.store.write(chunks(hello), never),
        set.store.write(chunks(hello.subarray(0, 3), hello.subarray(3)), never),
      ]);
      expect(stored[0]).toEqual(stored[1]);
      expect(await bytesOf(set.store, digestOf(hello))).toEqual(hello);
      expect(await set.staged()).toEqual([]);
    });

    it.each([
      ["shorter", hello.subarray(1)],
      ["other", Buffer.from(hello).fill(0)],
    ])(
      "sees that a blob has become %s bytes, and heals when it is written again",
      async (_, bytes) => {
        await using set = await setUp();
        const { digest } = await set.store.write(chunks(hello), never);
        await set.corrupt(digest, bytes);
        expect(await set.store.isSound(digest, hello.length)).toBe(false);
        expect(await set.store.read(digest, 100)).toBeUndefined();
        await set.store.write(chunks(hello), never);
        expect(await set.store.isSound(digest, hello.length)).toBe(true);
        expect(await bytesOf(set.store, digest)).toEqual(hello);
      },
    );
  });
}
