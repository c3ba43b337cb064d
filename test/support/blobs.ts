import { createGoogleBlobStore } from "../../core/google/blob-store.ts";
import { digestOf, hexOf, type Digest } from "../../core/digest.ts";
import type { BlobStore } from "../../core/ports.ts";
import type { StorageFakeOptions } from "./storage-fake.ts";
import { clientOptions, openStorage } from "./storage.ts";

export type Options = Partial<Parameters<typeof createGoogleBlobStore>[0]>;

export const never = new AbortController().signal;
export const hello = Buffer.from("hello, layers");
export const digest = digestOf(hello);
export const name = nameOf(digest);
/** With these, everything goes by way of `staging`. */
export const staged: Options = { wholeBytes: 0 };

/** Where a blob has to be in its bucket. */
export function nameOf(of: Digest): string {
  return `blobs/sha256/${hexOf(of)}`;
}

/** A blob store in a fake, and what a test needs to look behind it. */
export async function openBlobs(options: Options = {}, fakeOptions: StorageFakeOptions = {}) {
  const set = await openStorage(fakeOptions);
  const connect = (more: Options = {}) =>
    createGoogleBlobStore({
      project: "firn-test",
      bucket: set.bucketName,
      storageEndpoint: set.fake.url,
      client: clientOptions(set.fake),
      now: Date.now,
      ...options,
      ...more,
    });
  const names = () => set.fake.names(set.bucketName);
  return { ...set, store: connect(), connect, names };
}

export async function* once(bytes: Uint8Array = hello): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** Where a client is sent. */
export async function urlOf(store: BlobStore, of: Digest = digest): Promise<string> {
  const located = await store.locate(of);
  if (located?.at !== "elsewhere") throw new Error(`${of} is not in the bucket`);
  return located.url;
}
