/** How layers are compressed. */
export type Compression = "gzip" | "zstd" | "none";

export const compressions: readonly Compression[] = ["gzip", "zstd", "none"];

/**
 * How layers are compressed, by its name in build keys: a gzip member, or zstd frame, for each store path. Count it up
 * when layers get other bytes, a test with a constant digest of each shows that. Which program compresses, and its
 * version, is no part of what functions and worker have to agree on: that is in the keys of layers.
 */
export const compressorNames = {
  gzip: "gzip-members-1",
  zstd: "zstd-frames-1",
  none: "none",
} as const;

export type CompressorName = (typeof compressorNames)[Compression];
