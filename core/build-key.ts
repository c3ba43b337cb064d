import { createHash } from "node:crypto";
import { compressions, compressorNames, type Compression } from "./compression.ts";
import type { Image } from "./image.ts";
import type { Pin } from "./package-set.ts";

/** The name of a build: 64 hexadecimal digits. Equal keys are equal images, to the byte. */
export type BuildKey = string & { readonly __buildKey: never };

/** What shapes every image of a registry, apart from who asked for what. */
export interface ImageOptions {
  /** Layers an image may have, the one with the links included. */
  readonly layerBudget: number;
  /** Digest of the popularity file that grouping reads, or "" for none. */
  readonly popularity: string;
  readonly compression: Compression;
  readonly allowUnfree: boolean;
}

// As the configuration of an image names it, so that a change there is another key.
const platforms = { amd64: "amd64", arm64: "arm64/v8" } as const;

// Count up when the same inputs would give another image: the root layer's contents, the grouping, the documents.
const keyVersion = 1;

/**
 * Encodes all that an image depends on and hashes it. The encoding is JSON of arrays, so that no two
 * different inputs are written alike.
 */
export function buildKey(image: Image, pin: Pin, options: ImageOptions): BuildKey {
  const encoded = JSON.stringify([
    keyVersion,
    pin.packageSet,
    pin.revision,
    platforms[image.architecture],
    image.shell,
    image.packages,
    options.layerBudget,
    options.popularity,
    compressorNames[options.compression],
    options.allowUnfree,
  ]);
  return checked(createHash("sha256").update(encoded).digest("hex"));
}

/**
 * The compression that a key stands for, whatever `options` say of it: who asks for an image and who builds it may be
 * set differently. Undefined where they differ in something else, so that no compression gives this key.
 */
export function compressionOf(
  key: BuildKey,
  image: Image,
  pin: Pin,
  options: ImageOptions,
): Compression | undefined {
  return compressions.find(
    (compression) => buildKey(image, pin, { ...options, compression }) === key,
  );
}

/** A build key that somebody typed, or undefined for anything else. */
export function parseBuildKey(text: string): BuildKey | undefined {
  return /^[0-9a-f]{64}$/.test(text) ? checked(text) : undefined;
}

function checked(hex: string): BuildKey {
  return hex as BuildKey; // the brand has no other way in, and both callers have just made sure
}
