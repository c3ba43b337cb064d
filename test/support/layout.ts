import { createLocalBlobStore } from "../../core/local/blob-store.ts";
import { parseDigest } from "../../core/digest.ts";
import type { Blobs } from "./image.ts";

/** The blobs of a data folder, by digest. */
export function blobsIn(folder: string): Blobs {
  const store = createLocalBlobStore(folder);
  return async (text) => {
    const digest = parseDigest(text);
    const located = digest === undefined ? undefined : await store.locate(digest);
    if (located?.at !== "here") throw new Error(`no blob ${text}`);
    const bytes = located.open({ first: 0, last: located.size - 1 });
    return Buffer.concat(await Array.fromAsync(bytes));
  };
}
