import type { Digest } from "./digest.ts";
import type { Pin } from "./package-set.ts";
import type { StoredManifest } from "./record.ts";

/** All blobs, for whoever removes those that nobody needs: `core/retention.ts` says when that may be. */
export interface StoredBlobs {
  /** Those after a digest, in the order of digests; fewer than the limit only where there are no more. */
  list(after: Digest | undefined, limit: number): Promise<readonly StoredBlob[]>;
  /** Has a blob count as just written, sound or not; nothing where there is none. */
  hold(digest: Digest): Promise<void>;
  /** Removes a blob; false, and nothing removed, where it was written or held since it was listed. */
  remove(blob: StoredBlob): Promise<boolean>;
}

export interface StoredBlob {
  readonly digest: Digest;
  readonly size: number;
  /** When it was last written or held. */
  readonly usedAt: number;
  /** As what it was listed: the next one to write or to hold it makes another of it. */
  readonly version: string;
}

/** All manifests with the records that led to them, for whoever removes those that nobody pulls. */
export interface StoredManifests {
  /** Those after a digest, in the order of digests; fewer than the limit only where there are no more. */
  list(after: Digest | undefined, limit: number): Promise<readonly UsedManifest[]>;
  /**
   * Removes a manifest and each record that has it, all at once; false, and nothing removed, where it was used or
   * stored at `usedBefore` or later, or is not there.
   */
  remove(digest: Digest, usedBefore: number): Promise<boolean>;
  /** Whether there is a record of any build at a revision. */
  isBuilt(pin: Pin): Promise<boolean>;
}

export type UsedManifest = StoredManifest & {
  /** Undefined where it was stored by a version that did not note it. */
  readonly usedAt: number | undefined;
};
