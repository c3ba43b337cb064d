import { createHash } from "node:crypto";
import { compressions, compressorNames, type Compression } from "./compression.ts";
import type { Digest } from "./digest.ts";
import type { Image } from "./image.ts";
import type { Pin } from "./package-set.ts";

/**
 * The name of a build: 64 hexadecimal digits. Equal keys are equal images: to the byte of every diff id, and to that of
 * every digest where they are built by the same compressor.
 */
export type BuildKey = string & { readonly __buildKey: never };

/** What decides which store paths share a layer: the plan of the pin, where it has one, or each closure by itself. */
export type Grouping = "plan" | "dominators";

/** What shapes every image of a registry, apart from who asked for what. */
export interface ImageOptions {
  /** Layers an image may have, the one with the links included. */
  readonly layerBudget: number;
  /** Digest of the popularity file that grouping reads, or "" for none. */
  readonly popularity: string;
  readonly compression: Compression;
  readonly allowUnfree: boolean;
  readonly grouping: Grouping;
}

// As the configuration of an image names it, so that a change there is another key.
const platforms = { amd64: "amd64", arm64: "arm64/v8" } as const;

// Count up when the same inputs would give another image: the root layer's contents, the grouping, the documents.
const keyVersion = 1;
// The same for what is grouped by a plan alone.
const planKeyVersion = 3;

/**
 * Encodes all that an image depends on and hashes it. The encoding is JSON of arrays, so that no two
 * different inputs are written alike. A layer plan adds members: without one, keys are what they were before there
 * were plans.
 */
export function buildKey(image: Image, pin: Pin, options: ImageOptions): BuildKey {
  const plan = planFor(image, pin, options);
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
    ...(plan === undefined ? [] : [plan, planKeyVersion]),
  ]);
  return checked(createHash("sha256").update(encoded).digest("hex"));
}

/** What a key says of how its image is made. */
export interface Meaning {
  readonly compression: Compression;
  /** The layer plan that its closure is grouped by; undefined for none. */
  readonly plan: Digest | undefined;
}

/**
 * What a key stands for, whatever `options` say of it: who asks for an image and who builds it may be set differently.
 * Undefined where they differ in something else, so that nothing gives this key.
 */
export function meaningOf(
  key: BuildKey,
  image: Image,
  pin: Pin,
  options: ImageOptions,
): Meaning | undefined {
  for (const grouping of ["plan", "dominators"] as const) {
    for (const compression of compressions) {
      const meant = { ...options, compression, grouping };
      if (buildKey(image, pin, meant) === key) {
        return { compression, plan: planFor(image, pin, meant) };
      }
    }
  }
  return undefined;
}

/** The layer plan of an image; undefined for none. */
export function planFor(
  { architecture }: Image,
  { plans }: Pin,
  { grouping }: ImageOptions,
): Digest | undefined {
  return grouping === "plan" ? plans?.[architecture] : undefined;
}

/** A build key that somebody typed, or undefined for anything else. */
export function parseBuildKey(text: string): BuildKey | undefined {
  return /^[0-9a-f]{64}$/.test(text) ? checked(text) : undefined;
}

function checked(hex: string): BuildKey {
  return hex as BuildKey; // the brand has no other way in, and both callers have just made sure
}
