import { createHash } from "node:crypto";
import type { Compression } from "../core/compression.ts";
import { measured, type Measure } from "../core/digest.ts";
import type { BlobStore, Clock, LayerCache, LayerEntry } from "../core/ports.ts";
import { holdAgainMs, type SizedBlob } from "../core/retention.ts";
import type { Slice } from "./archive.ts";
import { compress } from "./compress.ts";

export interface PackTools {
  readonly blobs: BlobStore;
  readonly layers: LayerCache;
}

const layerKeyVersion = 2;

/** The key of the layer that holds these slices: what decides its bytes, and nothing else. */
export function layerKey(slices: readonly Slice[], compressor: string): string {
  const held = slices.map(({ path, first, before }) =>
    first === undefined && before === undefined ? path : [path, first ?? null, before ?? null],
  );
  const encoded = JSON.stringify([layerKeyVersion, compressor, held]);
  return createHash("sha256").update(encoded).digest("hex");
}

/** The entries of layers that were packed before and whose blobs are still there and sound, and will stay so. */
export async function reusableLayers(
  { blobs, layers }: PackTools,
  keys: readonly string[],
): Promise<ReadonlyMap<string, LayerEntry>> {
  const entries = await layers.read(keys);
  const sound = await Promise.all(
    [...entries].map(async ([key, entry]) => {
      const reusable = await blobs.hold(entry.digest, entry.size);
      return reusable ? [[key, entry] as const] : [];
    }),
  );
  return new Map(sound.flat());
}

/**
 * Holds what a manifest is about to name once more, if it is long since that was found or stored: it may have been swept
 * meanwhile. Until all of it was held at about the same time, and just now. Rejects where something is gone; whoever
 * pulls next has the image made anew.
 */
export async function holdAgain(
  blobs: Pick<BlobStore, "hold">,
  parts: readonly SizedBlob[],
  since: number,
  now: Clock = Date.now,
): Promise<void> {
  let heldAt = since;
  while (now() - heldAt >= holdAgainMs) {
    heldAt = now();
    const held = parts.map(async ({ digest, size }) => {
      if (await blobs.hold(digest, size)) return;
      throw new Error(`the blob ${digest} was lost while the rest of its image was packed`);
    });
    for (const each of await Promise.allSettled(held)) {
      if (each.status === "rejected") throw each.reason;
    }
  }
}

/**
 * Compresses a tar by what Node brings into the blob store, hashing it before and after in the same pass: for a layer
 * that is not worth remembering.
 */
export async function packTar(
  blobs: BlobStore,
  compression: Compression,
  tar: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<LayerEntry> {
  let raw: Measure | undefined;
  const bytes = measured(chunksOf(tar), (complete) => (raw = complete));
  const stored = await storeChecked(blobs, compress(bytes, compression, signal), signal);
  if (raw === undefined) throw new Error("a layer was stored before its tar had ended");
  return {
    digest: stored.digest,
    size: stored.size,
    diffId: raw.digest,
    rawSize: raw.size,
  };
}

/** Stores a blob, and makes sure that what is stored then is what was written. */
export async function storeChecked(
  blobs: BlobStore,
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<Measure> {
  const stored = await blobs.write(bytes, signal);
  if (!(await blobs.isSound(stored.digest, stored.size))) {
    throw new Error(`the layer ${stored.digest} is not in the blob store as it was written`);
  }
  return stored;
}

async function* chunksOf(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>) {
  yield* chunks;
}
