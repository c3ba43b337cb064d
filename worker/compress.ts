import { createReadStream } from "node:fs";
import { open, rename } from "node:fs/promises";
import type { Writable } from "node:stream";
import { constants, createGzip, createZstdCompress } from "node:zlib";
import type { Compression } from "../core/compression.ts";

/** Compresses parts of layers, each to a gzip member or zstd frame of its own: a concatenation of those is a layer. */
export interface SegmentCompressor {
  /**
   * With its level and version. The same tar becomes other bytes under another one: this is part of a layer's key, so
   * that layers of different ones are never taken for each other.
   */
  readonly name: string;
  /** So many bytes are worth a call. */
  readonly batchBytes: number;
  /** What a segment ends with is looked at where it says what is in it. */
  readonly format: Compression;
  /** Writes what a file becomes beside it, as `<file>.member`; the file itself may be gone then. */
  readonly compress: (files: readonly string[], signal: AbortSignal) => Promise<void>;
}

export const memberSuffix = ".member";

const gzipLevel = 6;
const zstdLevel = 3;

/** The compressors that Node brings. */
export const nodeCompressors: Readonly<Record<Compression, SegmentCompressor>> = {
  gzip: inProcess("gzip", `gzip, zlib ${process.versions.zlib}, level ${gzipLevel}`),
  zstd: inProcess("zstd", `zstd ${process.versions.zstd}, level ${zstdLevel}`),
  none: {
    name: "none",
    batchBytes: 0,
    format: "none",
    compress: async (files) => {
      for (const file of files) await rename(file, `${file}${memberSuffix}`);
    },
  },
};

function inProcess(format: Compression, name: string): SegmentCompressor {
  const compressFile = async (file: string, signal: AbortSignal) => {
    await using member = await open(`${file}${memberSuffix}`, "wx");
    const bytes = createReadStream(file, { highWaterMark: chunkSize });
    for await (const chunk of compress(bytes, format, signal)) await member.writeFile(chunk);
  };
  return {
    name,
    batchBytes: 0,
    format,
    compress: async (files, signal) => {
      for (const file of files) await compressFile(file, signal);
    },
  };
}

const chunkSize = 256 * 1024;

/** Compresses a tar. The bytes depend on those of the tar, not on the pieces in which they come. */
export async function* compress(
  tar: AsyncIterable<Uint8Array>,
  compression: Compression,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (compression === "none") {
    yield* tar;
    return;
  }
  const stream =
    compression === "gzip"
      ? createGzip({ level: gzipLevel, chunkSize })
      : createZstdCompress({
          chunkSize,
          // No threads: where they cut the input would show in the bytes.
          params: {
            [constants.ZSTD_c_compressionLevel]: zstdLevel,
            [constants.ZSTD_c_nbWorkers]: 0,
          },
        });
  const feeding = feed(stream, tar, signal);
  // A failure reaches the reader through the stream as well; this keeps it from being "unhandled" until then.
  feeding.catch((error: Error) => stream.destroy(error));
  try {
    for await (const chunk of stream) yield chunk as Uint8Array; // a stream that was given no encoding
    await feeding;
  } finally {
    stream.destroy();
  }
}

/**
 * The last piece is through before the end is said: zstd compresses what comes together with the end in another way, so
 * that the bytes would depend on who is faster.
 */
async function feed(
  stream: Writable,
  tar: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  let through = Promise.resolve();
  for await (const piece of tar) {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const hasRoom = stream.write(piece, (error) => (error ? reject(error) : resolve()));
    through = promise;
    through.catch(() => undefined); // the last of them tells
    if (!hasRoom) await through;
  }
  await through;
  stream.end();
}
