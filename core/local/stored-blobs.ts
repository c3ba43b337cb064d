import { readdirSync, statSync, unlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { hexOf, parseDigest, type Digest } from "../digest.ts";
import type { Clock, StoredBlob, StoredBlobs } from "../ports.ts";
import { holdMs } from "../retention.ts";

/** Where a data folder has its blobs. */
export function blobFolder(folder: string): string {
  return join(folder, "blobs", "sha256");
}

/**
 * `StoredBlobs` in a folder: when a blob was last written or held is the time of its file. To look at a file and to
 * change it is one turn of the event loop, and the folder belongs to one process, so nothing comes between.
 */
export function createLocalStoredBlobs(folder: string, now: Clock): StoredBlobs {
  const blobs = blobFolder(folder);
  const pathOf = (digest: Digest) => join(blobs, hexOf(digest));

  function look(digest: Digest): StoredBlob | undefined {
    const found = statSync(pathOf(digest), { throwIfNoEntry: false });
    if (found === undefined) return undefined;
    const { ino, mtimeMs, size } = found;
    return { digest, size, usedAt: mtimeMs, version: `${ino}:${mtimeMs}` };
  }

  return {
    async list(after, limit) {
      const names = readdirSync(blobs).sort();
      const digests = names.flatMap((name) => parseDigest(`sha256:${name}`) ?? []);
      const rest = after === undefined ? digests : digests.filter((digest) => digest > after);
      return rest.slice(0, limit).flatMap((digest) => look(digest) ?? []);
    },
    hold: async (digest) => void touch(pathOf(digest), now()),
    async remove(blob) {
      if (look(blob.digest)?.version !== blob.version) return false;
      unlinkSync(pathOf(blob.digest));
      return true;
    },
  };
}

/** Has a file count as used at this time, unless it was used shortly before; false where there is none. */
export function touch(path: string, at: number): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return false;
  if (at - found.mtimeMs >= holdMs) utimesSync(path, at / 1000, at / 1000);
  return true;
}
