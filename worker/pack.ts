import { createHash } from "node:crypto";
import type { Compression } from "../core/compression.ts";
import { measured, type Measure } from "../core/digest.ts";
import type { BlobStore, Clock, LayerCache, LayerEntry } from "../core/ports.ts";
import { holdAgainMs, type SizedBlob } from "../core/retention.ts";
import { compress, compressors } from "./compress.ts";

export interface PackTools {
  readonly blobs: BlobStore;
  readonly layers: LayerCache;
}

const layerKeyVersion = 1;

/** The key of the layer that holds these store paths: what decides its bytes, and nothing else. */
export function layerKey(paths: readonly string[], compression: Compression): string {
  const encoded = JSON.stringify([layerKeyVersion, compressors[compression], paths]);
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

/** Compresses a tar into the blob store, hashing it before and after in the same pass, and remembers the layer. */
export async function packLayer(
  { blobs, layers }: PackTools,
  key: string,
  compression: Compression,
  tar: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<LayerEntry> {
  const entry = await packTar(blobs, compression, tar, signal);
  await layers.write(key, entry);
  return entry;
}

/** The same for a layer that is not worth remembering. */
export async function packTar(
  blobs: BlobStore,
  compression: Compression,
  tar: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<LayerEntry> {
  let raw: Measure | undefined;
  const bytes = measured(tar, (complete) => (raw = complete));
  const stored = await blobs.write(compress(bytes, compression, signal), signal);
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
