import { open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { messageOf } from "../core/log.ts";
import type { Compression } from "../core/compression.ts";
import { borrow } from "./lent-buffer.ts";
import type { PartRead } from "./pack-thread.ts";
import type { Segment } from "./segment-cache.ts";
import { SegmentTrouble } from "./segment-trouble.ts";

/** A segment as it is about to become a piece of a layer; `crc` where it was measured before. */
export interface SegmentFile {
  readonly file: string;
  readonly format: Compression;
  readonly crc: number | undefined;
  /** Size and, where it is known, CRC-32 of what was compressed. */
  readonly raw: PartRead;
  /** Called once all its bytes were read and are what they should be. */
  readonly measured: (segment: Segment) => void;
  /** Called when they are not. */
  readonly damaged: () => Promise<void>;
}

const pieceBytes = 512 * 1024;

/**
 * The bytes of segments, one after the other: those of a layer, in chunks that are lent until the next. Throws
 * `SegmentTrouble` where a segment is gone, or is not what was made of the part it stands for.
 */
export async function* layerBytes(segments: readonly SegmentFile[]): AsyncGenerator<Uint8Array> {
  for (const segment of segments) {
    try {
      yield* segmentBytes(segment);
    } catch (error) {
      if (error instanceof SegmentTrouble) await segment.damaged();
      throw error;
    }
  }
}

async function* segmentBytes(segment: SegmentFile): AsyncGenerator<Uint8Array> {
  const { file, format, raw } = segment;
  await using handle = await open(file).catch((cause: unknown) => {
    throw new SegmentTrouble(`a segment cannot be read: ${messageOf(cause)}`, { cause });
  });
  let size = 0;
  let crc = 0;
  let tail = Buffer.alloc(0);
  using buffer = borrow(pieceBytes);
  for (;;) {
    const { bytesRead } = await handle.read(buffer.bytes, 0, pieceBytes, null);
    if (bytesRead === 0) break;
    const bytes = buffer.bytes.subarray(0, bytesRead);
    crc = crc32(bytes, crc);
    size += bytesRead;
    tail = Buffer.concat([tail, bytes.subarray(-8)]).subarray(-8);
    yield bytes;
  }
  // A gzip member ends with the CRC-32 and the size of what is in it. [RFC 1952, section 2.3]
  const isGzip = format === "gzip" && tail.length === 8;
  const held = isGzip ? { crc: tail.readUInt32LE(0), size: tail.readUInt32LE(4) } : raw;
  const isOfPart =
    isGzip === (format === "gzip") &&
    held.size === (isGzip ? raw.size % 2 ** 32 : raw.size) &&
    (raw.crc === undefined || held.crc === raw.crc);
  if (!isOfPart || (segment.crc !== undefined && segment.crc !== crc)) {
    throw new SegmentTrouble(`${file} is not what the store path was compressed to`);
  }
  segment.measured({ crc, size, rawCrc: held.crc ?? 0 });
}
