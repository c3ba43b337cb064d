import type { Bucket, File, FileMetadata } from "@google-cloud/storage";
import { parseDigest, type Digest } from "../digest.ts";
import type { Clock, StoredBlob, StoredBlobs } from "../ports.ts";
import { holdMs } from "../retention.ts";
import { blobName, blobPrefix } from "./blob-object.ts";
import { answered, describe, isAbsent, isOvertaken, type BucketConnection } from "./bucket.ts";

/**
 * `StoredBlobs` in a bucket. When an object was last written or held is when it was `updated`, by Cloud Storage's own
 * clock; to hold one changes its metadata, and so the metageneration that a removal asks for.
 */
export function createGoogleStoredBlobs(connection: BucketConnection, now: Clock): StoredBlobs {
  return {
    async list(after, limit) {
      const bucket = await connection.open();
      const found: StoredBlob[] = [];
      let pageToken: string | undefined;
      do {
        const page = bucket.getFiles({
          prefix: blobPrefix,
          maxResults: limit - found.length,
          autoPaginate: false,
          // What comes after it begins with it.
          ...(after !== undefined && { startOffset: `${blobName(after)}-` }),
          ...(pageToken !== undefined && { pageToken }),
        });
        const [files, next] = await answered("list blobs", page);
        found.push(...files.flatMap((file) => blobOf(file) ?? []));
        pageToken = (next as { pageToken?: string } | null)?.pageToken; // the query of the next page, null after the last
      } while (pageToken !== undefined && found.length < limit);
      return found;
    },
    async hold(digest) {
      const bucket = await connection.open();
      const found = await describe(bucket, blobName(digest));
      if (found !== undefined) await holdObject(bucket, digest, found, now());
    },
    async remove({ digest, version }) {
      const [ifGenerationMatch = "", ifMetagenerationMatch = ""] = version.split("/");
      const file = (await connection.open()).file(blobName(digest));
      try {
        const removal = file.delete({ ifGenerationMatch, ifMetagenerationMatch });
        await answered(`delete ${file.name}`, removal);
        return true;
      } catch (error) {
        if (isOvertaken(error) || isAbsent(error)) return false;
        throw error;
      }
    },
  };
}

/** Has an object count as just written, unless it is young; false where it is no longer there. */
export async function holdObject(
  bucket: Bucket,
  digest: Digest,
  object: FileMetadata,
  now: number,
): Promise<boolean> {
  if (now - Date.parse(object.updated ?? "") < holdMs) return true;
  const file = bucket.file(blobName(digest));
  try {
    const metadata = { heldAt: new Date(now).toISOString() };
    const options = { ifGenerationMatch: object.generation ?? 0 };
    await answered(`hold ${file.name}`, file.setMetadata({ metadata }, options));
    return true;
  } catch (error) {
    if (isOvertaken(error) || isAbsent(error)) return false;
    throw error;
  }
}

function blobOf({ name, metadata }: File): StoredBlob | undefined {
  const digest = parseDigest(`sha256:${name.slice(blobPrefix.length)}`);
  const { size, updated, generation, metageneration } = metadata;
  if (digest === undefined || updated === undefined) return undefined;
  const version = `${generation}/${metageneration}`;
  return { digest, size: Number(size), usedAt: Date.parse(updated), version };
}
