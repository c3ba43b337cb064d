import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Bucket, File } from "@google-cloud/storage";
import { isSummed, objectMetadata, stagingPrefix, type SummedBlob } from "./blob-object.ts";
import { answered, describe } from "./bucket.ts";

// One is in memory at a time, so that it can be sent again.
const chunkBytes = 8 * 1024 * 1024;
// Leaving nothing behind must not keep a process that is told to stop; what stays is swept after a day.
const cleanUpMs = 3000;

/**
 * Uploads a stream as `staging/<uuid>`, chunk by chunk. Resolves when the object is there with the size and checksum
 * that `complete` gives once the stream has ended; else there is no object, as far as Cloud Storage can be told.
 */
export async function stage(
  bucket: Bucket,
  chunks: AsyncIterable<Uint8Array>,
  complete: () => SummedBlob | undefined,
  signal: AbortSignal,
): Promise<File> {
  const file = bucket.file(`${stagingPrefix}${randomUUID()}`);
  const preconditionOpts = { ifGenerationMatch: 0 };
  const begun = file.createResumableUpload({ metadata: { ...objectMetadata }, preconditionOpts });
  const [uri] = await answered(`begin the upload of ${file.name}`, begun, signal);
  const sink = file.createWriteStream({
    uri,
    offset: 0, // Otherwise it is asked for.
    chunkSize: chunkBytes,
    validation: false, // The library's own takes four times as long.
    metadata: { ...objectMetadata },
  });
  try {
    const failure = await failureOf(
      pipeline(Readable.from(chunks, { objectMode: false }), sink, { signal }),
    );
    signal.throwIfAborted();
    const blob = complete();
    if (blob === undefined) throw failure ?? new Error("an upload ended before its stream");
    // When the answer to the last chunk is lost, the library gives up, and the object is there.
    const stored = failure === undefined ? file.metadata : await describe(bucket, file.name);
    if (stored !== undefined && isSummed(stored, blob)) return file;
    throw (
      failure ??
      new Error(
        `${file.name} is not what was uploaded: ${stored?.size} of ${blob.size} bytes, CRC32C ${stored?.crc32c} instead of ${blob.crc32c}`,
      )
    );
  } catch (error) {
    await cancel(uri);
    await removeStaged(file);
    throw error;
  }
}

async function failureOf(work: Promise<void>): Promise<unknown> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return error;
  }
}

// From then on no chunk that is still on its way can complete the object. The URI alone is the right to do it.
async function cancel(uri: string): Promise<void> {
  try {
    await fetch(uri, { method: "DELETE", signal: AbortSignal.timeout(cleanUpMs) });
  } catch {
    // An upload that nobody goes on with ends by itself after a week, and was never visible.
  }
}

/** Removes a staged object, if it is there. */
export async function removeStaged(file: File): Promise<void> {
  try {
    const removal = file.delete({ ignoreNotFound: true });
    await answered(`delete ${file.name}`, removal, undefined, cleanUpMs);
  } catch {
    // The caller's own failure says more, and staging is swept.
  }
}
