import type { Writable } from "node:stream";
import { constants, createGzip, createZstdCompress } from "node:zlib";
import type { Compression } from "../core/compression.ts";

const gzipLevel = 6;
const zstdLevel = 3;

/**
 * The compressors with their levels and versions. The same tar becomes other bytes under another one: this is part of
 * a layer's key, so that layers of different ones are never taken for each other.
 */
export const compressors: Readonly<Record<Compression, string>> = {
  gzip: `gzip, zlib ${process.versions.zlib}, level ${gzipLevel}`,
  zstd: `zstd ${process.versions.zstd}, level ${zstdLevel}`,
  none: "none",
};

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
