/** How layers are compressed. */
export type Compression = "gzip" | "zstd" | "none";

export const compressions: readonly Compression[] = ["gzip", "zstd", "none"];

/**
 * The compressor's name in build keys, its level included. Count it up when it gives other bytes for the same tar, a
 * test with a constant digest of each shows that: functions and worker may run on different versions of Node, so its
 * own version is no part of what both have to agree on.
 */
export const compressorNames = { gzip: "gzip-6", zstd: "zstd-3", none: "none" } as const;

export type CompressorName = (typeof compressorNames)[Compression];
