import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { measured, type Measure } from "../core/digest.ts";
import type { BlobStore, LayerCache, LayerEntry } from "../core/ports.ts";

export interface PackTools {
  readonly blobs: BlobStore;
  readonly layers: LayerCache;
}

// The same tar becomes other bytes under another compressor or another version of it: this is part of a layer's key.
const level = 6;
const compressor = `gzip, zlib ${process.versions.zlib}, level ${level}`;
const layerKeyVersion = 1;

/** The key of the layer that holds these store paths: what decides its bytes, and nothing else. */
export function layerKey(paths: readonly string[]): string {
  const encoded = JSON.stringify([layerKeyVersion, compressor, paths]);
  return createHash("sha256").update(encoded).digest("hex");
}

/** The entries of layers that were packed before and whose blobs are still there and sound. */
export async function reusableLayers(
  { blobs, layers }: PackTools,
  keys: readonly string[],
): Promise<ReadonlyMap<string, LayerEntry>> {
  const entries = await layers.read(keys);
  const sound = await Promise.all(
    [...entries].map(async ([key, entry]) => {
      const reusable = await blobs.isSound(entry.digest, entry.size);
      return reusable ? [[key, entry] as const] : [];
    }),
  );
  return new Map(sound.flat());
}

/** Compresses a tar into the blob store, hashing it before and after in the same pass, and remembers the layer. */
export async function packLayer(
  { blobs, layers }: PackTools,
  key: string,
  tar: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<LayerEntry> {
  const entry = await packTar(blobs, tar, signal);
  await layers.write(key, entry);
  return entry;
}

/** The same for a layer that is not worth remembering. */
export async function packTar(
  blobs: BlobStore,
  tar: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<LayerEntry> {
  let raw: Measure | undefined;
  const bytes = measured(tar, (complete) => (raw = complete));
  const stored = await blobs.write(gzipped(bytes, signal), signal);
  if (raw === undefined) throw new Error("a layer was stored before its tar had ended");
  if (!(await blobs.isSound(stored.digest, stored.size))) {
    throw new Error(`the layer ${stored.digest} is not in the blob store as it was written`);
  }
  return {
    digest: stored.digest,
    size: stored.size,
    diffId: raw.digest,
    rawSize: raw.size,
  };
}

async function* gzipped(
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const gzip = createGzip({ level, chunkSize: 256 * 1024 });
  const feeding = pipeline(Readable.from(bytes, { objectMode: false }), gzip, { signal });
  // A failure reaches the reader through the stream as well; this keeps it from being "unhandled" until then.
  feeding.catch(() => undefined);
  try {
    for await (const chunk of gzip) yield chunk as Uint8Array; // a gzip stream that was given no encoding
    await feeding;
  } finally {
    gzip.destroy();
  }
}
