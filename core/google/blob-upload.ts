import type { Bucket, FileMetadata } from "@google-cloud/storage";
import { measured, type Measure } from "../digest.ts";
import { blobName, isSealed, objectMetadata, seal, type SummedBlob } from "./blob-object.ts";
import { answered, describe, isAbsent, isOvertaken } from "./bucket.ts";
import type { Clock } from "../ports.ts";
import { Crc32c } from "./crc32c.ts";
import { removeStaged, stage } from "./staging.ts";
import { holdObject } from "./stored-blobs.ts";

/** What is stored by one request, and is in memory for it, if the caller does not say otherwise. */
const wholeBytes = 8 * 1024 * 1024;
const attempts = 3;
const wholeMs = 120_000;

/**
 * Stores a stream under the digest of its bytes. A small one is hashed before it is sent, and goes to its place at
 * once. Of a large one the digest is known when it is there: it goes to `staging`, is compared with the checksum that
 * was counted in passing, and is moved, which is atomic. Bytes have their checksum with them either way.
 *
 * A small one that is on its way when the signal aborts may still become visible, whole; a large one is cancelled.
 */
export async function uploadBlob(
  bucket: Bucket,
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  limitBytes = wholeBytes,
  now: Clock = Date.now,
): Promise<Measure> {
  const crc = new Crc32c();
  let measure: Measure | undefined;
  const source = measured(summed(bytes, crc), (all) => (measure = all));
  const complete = (): SummedBlob | undefined => measure && { ...measure, crc32c: crc.toString() };
  try {
    const head = await readHead(source, limitBytes, signal);
    const small = complete();
    if (small === undefined)
      return await storeLarge(bucket, joined(head, source), complete, signal, now);
    await storeSmall(bucket, Buffer.concat(head), small, signal, now);
    return { digest: small.digest, size: small.size };
  } finally {
    await source.return(undefined);
  }
}

async function* summed(bytes: AsyncIterable<Uint8Array>, crc: Crc32c): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    crc.update(chunk);
    // It is lent, and some are kept until they are sent.
    yield Buffer.from(chunk);
  }
}

// All of a source that is within the limit, or as much of it as is beyond.
async function readHead(
  source: AsyncGenerator<Uint8Array>,
  limitBytes: number,
  signal: AbortSignal,
): Promise<readonly Uint8Array[]> {
  const head: Uint8Array[] = [];
  for (let size = 0; size <= limitBytes; size += head.at(-1)?.length ?? 0) {
    const next = await source.next();
    signal.throwIfAborted();
    if (next.done === true) return head;
    head.push(next.value);
  }
  return head;
}

async function* joined(
  head: readonly Uint8Array[],
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* head;
  yield* rest;
}

async function storeSmall(
  bucket: Bucket,
  bytes: Buffer,
  blob: SummedBlob,
  signal: AbortSignal,
  now: Clock,
): Promise<void> {
  const file = bucket.file(blobName(blob.digest));
  const metadata = { ...objectMetadata, crc32c: blob.crc32c, metadata: seal(blob) };
  const place = async (replaced: Generation) => {
    const preconditionOpts = { ifGenerationMatch: replaced };
    // The checksum in the metadata has the bytes refused if others arrive.
    const saving = file.save(bytes, {
      resumable: false,
      validation: false,
      metadata,
      preconditionOpts,
    });
    await answered(`store ${file.name}`, saving, signal, wholeMs);
    return file.metadata;
  };
  await makeVisible(bucket, blob, place, now);
}

async function storeLarge(
  bucket: Bucket,
  chunks: AsyncGenerator<Uint8Array>,
  complete: () => SummedBlob | undefined,
  signal: AbortSignal,
  now: Clock,
): Promise<Measure> {
  const file = await stage(bucket, chunks, complete, signal);
  let moved = false;
  try {
    const blob = complete();
    if (blob === undefined) throw new Error("a stream was stored before it had ended");
    await answered(`seal ${file.name}`, file.setMetadata({ metadata: seal(blob) }), signal);
    const name = blobName(blob.digest);
    const place = async (replaced: Generation) => {
      const preconditionOpts = { ifGenerationMatch: replaced };
      const moving = file.moveFileAtomic(name, { preconditionOpts });
      const answer: readonly unknown[] = await answered(`move ${file.name}`, moving, signal);
      moved = true;
      return answer[1] as FileMetadata; // the library's type leaves out the object that Cloud Storage answers with
    };
    await makeVisible(bucket, blob, place, now);
    return { digest: blob.digest, size: blob.size };
  } finally {
    if (!moved) await removeStaged(file);
  }
}

type Generation = NonNullable<FileMetadata["generation"]>;

/**
 * Has an object put in a blob's place: where there is none, or where there is another than the blob. `place` replaces
 * the object of a generation, 0 for none, and rejects where there is another generation, or its source is gone: with
 * a retry of ours it was there at the first time, else somebody else was quicker.
 */
async function makeVisible(
  bucket: Bucket,
  blob: SummedBlob,
  place: (replaced: Generation) => Promise<FileMetadata>,
  now: Clock,
): Promise<void> {
  const name = blobName(blob.digest);
  let replaced: Generation = 0;
  let failure: unknown;
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const placed: FileMetadata | undefined = await place(replaced).catch(async (error: unknown) => {
      if (!isOvertaken(error) && !isAbsent(error)) throw error;
      failure = error;
      return await describe(bucket, name);
    });
    replaced = placed?.generation ?? 0;
    if (placed === undefined || !isBlob(placed, blob)) continue;
    // It may have been there for long, and be swept right now.
    if (await holdObject(bucket, blob.digest, placed, now())) return;
    replaced = 0;
  }
  throw new Error(`${name} is not what was stored, after ${attempts} attempts`, { cause: failure });
}

function isBlob(object: FileMetadata, { digest, size, crc32c }: SummedBlob): boolean {
  return isSealed(object, digest, size) && object.crc32c === crc32c;
}
