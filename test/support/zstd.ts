import { zstdDecompressSync } from "node:zlib";

/** What zstd frames hold, one after the other: Node reads the first only, where clients read all. */
export function unpackZstd(bytes: Uint8Array): Buffer {
  const parts: Buffer[] = [];
  for (let rest = bytes; rest.length > 0;) {
    // What the types leave out: how many bytes of the input were one frame.
    const { buffer, engine } = zstdDecompressSync(rest, { info: true }) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    parts.push(buffer);
    rest = rest.subarray(engine.bytesWritten);
  }
  return Buffer.concat(parts);
}
