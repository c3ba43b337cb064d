import { parseDigest, type Digest } from "./digest.ts";
import { mediaTypes } from "./manifest.ts";
import type { StoredManifest } from "./record.ts";

/**
 * How what nobody pulls goes, and why nothing goes that is needed.
 *
 * A root is a manifest that was pulled lately, by a tag or by its digest: `BuildCache.use` says when. One that nobody
 * pulled for the time that is kept stops being served, under its digest and all its tags in one write, which fails if
 * it was pulled or built anew since it was looked at. A blob goes when no manifest there is names it, and nobody wrote
 * or held it for the grace: both have to be true, and it is removed only as it was when that was seen.
 *
 *     build     hold layers ─── pack the rest ─── [hold again] ─ settle        the blobs are young until long after
 *     pull                 use ─ serve ─ ─ ─ from memory ─ ─ ─┤                for an hour at the most
 *     sweep     mark ─────── hold blobs ─ remove manifest                      the blobs are young once more
 *                                                        └──── grace ────┤ mark ─ remove blobs
 *
 * Why that is right, whatever happens at the same time. Say that a blob is removed by a sweep that began at t. It was
 * last written or held before t - grace, and nobody held it between then and its removal: stores compare.
 * - A manifest that was there at t and is there still was marked. One that was settled after t had all of its blobs
 *   held shortly before, and the grace is hours. So it does not name this blob.
 * - A manifest that was removed had its blobs held shortly before. So whoever was told of it, at the latest by a process
 *   or a proxy that had it in memory, has the rest of the grace to fetch them.
 * - An index names manifests instead. They stay while it is there, and longer by the grace, and it is written only
 *   after all of them were used.
 * The order of steps says all of it, so a sweep may end anywhere, begin again anywhere, run twice at once, and sleep for
 * a week between two steps. A mark that is not whole is none.
 *
 * What the grace has to cover: an hour in memory and one more in a proxy's, the hour in which a hold is not written
 * again, what the clocks of machines differ by, and "shortly": who holds looks at the clock afterwards, and holds again
 * if it took longer than `holdAgainMs`, so what is left is one write that is under way. With a day of grace about
 * twenty hours remain for pulls.
 */

/** For so long a process may serve what it has read, and caches on the way what they were told. */
export const keptInMemoryMs = 60 * 60_000;

/** A process notes the use of a manifest once in this time. */
export const useNotedMs = 6 * 60 * 60_000;

/** A pull may be this much later than the use that was noted: it was served out of some memory, or noted shortly before. */
export const noticedMs = useNotedMs + 2 * keptInMemoryMs;

/** A blob that was written or held within this time is not held anew. */
export const holdMs = 60 * 60_000;

/** A build that takes longer from finding its layers to its end holds them again before. */
export const holdAgainMs = 10 * 60_000;

/** Where a revision was decided on that nothing came of, it is forgotten after this. */
export const madeUpKeptMs = 48 * 60 * 60_000;

/** What a stored manifest needs: an image its configuration and layers, an index its manifests. */
export interface Needs {
  readonly blobs: readonly SizedBlob[];
  readonly manifests: readonly Digest[];
  /** What it is attached to, as a signature is. */
  readonly subject: Digest | undefined;
}

export interface SizedBlob {
  readonly digest: Digest;
  readonly size: number;
}

/** Reads what a manifest needs. Throws where its bytes are no document: then it is not known what may go. */
export function needsOf({ digest, mediaType, bytes }: StoredManifest): Needs {
  const document = parse(digest, bytes);
  const subject = parseDigest(document.subject?.digest ?? "");
  if (mediaType === mediaTypes.index) {
    const named = (document.manifests ?? []).map((each) => parseDigest(each.digest));
    return { blobs: [], manifests: named.filter((each) => each !== undefined), subject };
  }
  const { config, layers = [] } = document;
  const named = config === undefined ? layers : [config, ...layers];
  const blobs = named.flatMap((each) => {
    // firn holds nothing under any other digest.
    const blob = parseDigest(each.digest);
    return blob === undefined ? [] : [{ digest: blob, size: each.size }];
  });
  return { blobs, manifests: [], subject };
}

/** The parts of a manifest or an index that need something. [OCI image specification 1.1] */
interface Document {
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
  readonly subject?: Descriptor;
}

interface Descriptor {
  readonly digest: string;
  readonly size: number;
}

function parse(digest: Digest, bytes: Uint8Array): Document {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as Document; // checked when it was stored
  } catch (cause) {
    throw new Error(`the manifest ${digest} cannot be read, so nothing is removed`, { cause });
  }
}
