import type { File } from "@google-cloud/storage";
import { stagingPrefix } from "./blob-object.ts";
import { answered, isOvertaken, type BucketConnection } from "./bucket.ts";

// So many are looked at, and removed, at a time.
const pageSize = 50;

/**
 * Removes what uploads left behind in `staging` before `now - olderThanMs`; answers how many objects those were. The
 * bucket's lifecycle does so too, in its own time.
 */
export async function sweepStaging(
  connection: BucketConnection,
  olderThanMs: number,
  now: number,
): Promise<number> {
  const bucket = await connection.open();
  let swept = 0;
  let pageToken: string | undefined;
  do {
    const query = { prefix: stagingPrefix, maxResults: pageSize, autoPaginate: false };
    const page = bucket.getFiles(pageToken === undefined ? query : { ...query, pageToken });
    const [files, next] = await answered("list what is staged", page);
    const old = files.filter(({ metadata }) => {
      return Date.parse(metadata.timeCreated ?? "") <= now - olderThanMs;
    });
    const removed = await Promise.all(old.map(remove));
    swept += removed.filter(Boolean).length;
    pageToken = (next as { pageToken?: string } | null)?.pageToken; // the query of the next page, null after the last
  } while (pageToken !== undefined);
  return swept;
}

// False if it has become another object in the meantime.
async function remove(file: File): Promise<boolean> {
  const ifGenerationMatch = file.metadata.generation ?? 0;
  try {
    const removal = file.delete({ ignoreNotFound: true, ifGenerationMatch });
    await answered(`delete ${file.name}`, removal);
    return true;
  } catch (error) {
    if (isOvertaken(error)) return false;
    throw error;
  }
}
