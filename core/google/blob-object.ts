import type { FileMetadata } from "@google-cloud/storage";
import { hexOf, type Digest, type Measure } from "../digest.ts";

/** A blob and the checksum that Cloud Storage has to have of it, if it has the same bytes. */
export interface SummedBlob extends Measure {
  readonly crc32c: string;
}

export const stagingPrefix = "staging/";
export const blobPrefix = "blobs/sha256/";

export function blobName(digest: Digest): string {
  return `${blobPrefix}${hexOf(digest)}`;
}

/**
 * What every object is stored with: clients and what is between may keep it for ever, and must not change it. Without
 * no-transform a CDN may compress the bytes, and digest, length and ranges are wrong.
 */
export const objectMetadata = {
  contentType: "application/octet-stream",
  cacheControl: "public, max-age=31536000, immutable, no-transform",
} as const;

/** What says, of an object, which blob its bytes were when they were hashed on their way here. */
export function seal({ digest, crc32c }: SummedBlob): Readonly<Record<string, string>> {
  return { sha256: hexOf(digest), crc32c };
}

/**
 * Whether an object is the blob: its seal is that of the digest, and its bytes have the checksum and the size they had
 * then. Cloud Storage computes the checksum of what it stores, so other bytes under this name are seen, unless
 * somebody forges the seal as well.
 */
export function isSealed(object: FileMetadata, digest: Digest, size: number): boolean {
  const { sha256, crc32c } = object.metadata ?? {};
  return sha256 === hexOf(digest) && isSummed(object, { size, crc32c });
}

/** Whether an object has this size and checksum. */
export function isSummed(
  object: FileMetadata,
  { size, crc32c }: { readonly size: number; readonly crc32c: unknown },
): boolean {
  return crc32c !== undefined && object.crc32c === crc32c && Number(object.size) === size;
}
