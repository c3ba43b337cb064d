import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LimitFunction } from "p-limit";
import { digestFromHex, type Measure } from "../core/digest.ts";
import type { BlobStore, LayerEntry } from "../core/ports.ts";
import { archiveParts, type ArchiveOptions, type Part, type Slice } from "./archive.ts";
import { memberSuffix, type SegmentCompressor } from "./compress.ts";
import { layerBytes, type SegmentFile } from "./layer-bytes.ts";
import type { PartRead } from "./pack-thread.ts";
import type { PackThreads } from "./pack-threads.ts";
import { storeChecked } from "./pack.ts";
import type { SegmentBatches } from "./segment-batches.ts";
import type { HeldSegment, SegmentCache } from "./segment-cache.ts";
import { SegmentTrouble } from "./segment-trouble.ts";

export interface LayerTools {
  readonly blobs: BlobStore;
  readonly compressor: SegmentCompressor;
  readonly batches: SegmentBatches;
  readonly threads: PackThreads;
  /** How many layers are put together at once. */
  readonly joining: LimitFunction;
  readonly cache: SegmentCache | undefined;
  readonly archive?: ArchiveOptions;
}

/** A part of the layer that is being made, and its segment: one of the cache, or `<file>.member` once it is there. */
interface Piece {
  readonly part: Part;
  readonly key: string;
  readonly held: HeldSegment | undefined;
  readonly file: string;
}

const segmentKeyVersion = 1;
// How much a thread reads before it is asked whether to go on.
const [partsAtOnce, bytesAtOnce] = [64, 16 * 1024 * 1024];

/**
 * Makes a layer of slices: reads them once, which gives the diff id, has those parts compressed whose segments are not
 * in the cache, and stores the segments one after the other. Throws `SegmentTrouble` where a segment is damaged, which
 * is then out of the cache, or the disk for them is full.
 */
export async function makeLayer(
  slices: readonly Slice[],
  tools: LayerTools,
  signal: AbortSignal,
): Promise<LayerEntry> {
  const { cache, compressor, blobs, joining } = tools;
  using resources = new DisposableStack();
  // From now on: what is compressed together should hold as much as it can.
  const expected = resources.use(tools.batches.expect());
  await using folder = await stagingFolder(cache?.staging ?? tmpdir());
  const pieces = archiveParts(slices).map((part, i): Piece => {
    const key = segmentKey(compressor.name, part);
    const held = cache?.hold(key);
    if (held !== undefined) resources.use(held);
    return { part, key, held, file: held?.file ?? join(folder.path, `${i}`) };
  });
  const { raw, read } = await readPieces(pieces, tools, folder.compressing, signal);
  expected[Symbol.dispose]();
  await Promise.all(folder.compressing);
  const fresh: (() => Promise<void>)[] = [];
  const segments = pieces.map(({ held, key, file }, i): SegmentFile => {
    const part = read[i] ?? { crc: 0, size: 0 };
    const place = held?.file ?? `${file}${memberSuffix}`;
    return {
      file: place,
      format: compressor.format,
      crc: held?.crc,
      raw: part,
      measured: (segment) => {
        if (held !== undefined || compressor.format === "none") return;
        fresh.push(async () => await cache?.add(key, place, segment));
      },
      damaged: async () => await cache?.drop(key),
    };
  });
  await dropChanged(pieces, read, cache);
  return await joining(async () => {
    const stored = await storeChecked(blobs, layerBytes(segments), signal);
    // A layer that is stored needs none of them: where one cannot be kept it is made again another time.
    await Promise.allSettled(fresh.map(async (keep) => await keep()));
    return {
      digest: stored.digest,
      size: stored.size,
      diffId: raw.digest,
      rawSize: raw.size,
    };
  });
}

async function readPieces(
  pieces: readonly Piece[],
  { threads, batches, compressor, archive = {} }: LayerTools,
  compressing: Promise<void>[],
  signal: AbortSignal,
): Promise<{ readonly raw: Measure; readonly read: readonly PartRead[] }> {
  return await threads.use(async (thread) => {
    const read: PartRead[] = [];
    while (read.length < pieces.length) {
      await batches.room(signal);
      const next = pieces.slice(read.length, read.length + partsAtOnce);
      // A gzip member says itself what is in it.
      const parts = next.map(({ part, held, file }) =>
        held === undefined
          ? { part, file, summed: compressor.format === "zstd" }
          : { part, summed: true },
      );
      const ask = { ...archive, parts, limit: bytesAtOnce };
      const answer = await thread.ask("parts", ask, signal);
      for (const [i, { size }] of answer.entries()) {
        const { held, file } = next[i] ?? {};
        if (held !== undefined || file === undefined) continue;
        const compressed = batches.add(file, size, signal);
        // It is awaited below, or by the folder's end.
        compressed.catch(() => undefined);
        compressing.push(compressed);
      }
      read.push(...answer);
    }
    const { hex, size } = await thread.ask("end", undefined, signal);
    return { raw: { digest: digestFromHex(hex), size }, read };
  });
}

/** A segment of another content than the part has would give a layer that is not its diff id. */
async function dropChanged(
  pieces: readonly Piece[],
  read: readonly PartRead[],
  cache: SegmentCache | undefined,
): Promise<void> {
  for (const [i, { held, key }] of pieces.entries()) {
    if (held === undefined || held.rawCrc === read[i]?.crc) continue;
    await cache?.drop(key);
    throw new SegmentTrouble(`${held.file} is not of what is in the store now`);
  }
}

/** The key of a segment: what decides its bytes. The folders above a whole path are the same for all. */
function segmentKey(compressor: string, part: Part): string {
  const isUsual = part.kind === "end" || (part.kind === "lead" && part.slice.first === undefined);
  const of = isUsual ? [] : [part.slice.path, part.slice.first ?? null, part.slice.before ?? null];
  const encoded = JSON.stringify([segmentKeyVersion, compressor, part.kind, ...of]);
  return createHash("sha256").update(encoded).digest("hex");
}

// What is being compressed has to stay until it is: others may be in the same call.
async function stagingFolder(parent: string) {
  const path = await mkdtemp(join(parent, "layer-")).catch((cause: unknown) => {
    throw new SegmentTrouble(`nothing can be written to ${parent}`, { cause });
  });
  const compressing: Promise<void>[] = [];
  return {
    path,
    compressing,
    [Symbol.asyncDispose]: async () => {
      await Promise.allSettled(compressing);
      await rm(path, { recursive: true, force: true });
    },
  };
}
