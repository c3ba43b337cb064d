import { parseDigest, type Digest } from "../../core/digest.ts";
import type { Database } from "../../core/local/database.ts";
import { needsOf, type Needs } from "../../core/retention.ts";

/** Sees what is served and what is removed, and what of it should not have been. */
export interface Witness {
  /** What should not have happened. */
  readonly wrong: string[];
  /** A manifest was served; gives until when its client has to get what it names. */
  served(digest: Digest, needs: Needs): number;
  /** A client was answered when it asked for what it was told of. */
  answered(status: number, until: number, what: Digest): void;
  removedBlob(digest: Digest): void;
  removedManifest(digest: Digest): void;
  readonly counts: Record<"served" | "removedBlobs" | "removedManifests", number>;
}

interface Promised {
  readonly until: number;
  readonly digests: ReadonlySet<Digest>;
}

export function createWitness(world: {
  readonly database: Database;
  readonly hasBlob: (digest: Digest) => boolean;
  readonly now: () => number;
  /** How long a client has to get what it was told of. */
  readonly promisedMs: number;
  /** For so long after it was served a manifest must be there. */
  readonly keptMs: number;
  /** Whether stores fail at times: then not every use is noted, and answers may be that they do. */
  readonly hasFaults: boolean;
}): Witness {
  const { database, hasBlob, now, hasFaults } = world;
  const wrong: string[] = [];
  const counts = { served: 0, removedBlobs: 0, removedManifests: 0 };
  const servedAt = new Map<Digest, number>();
  let promised: Promised[] = [];

  function stored(digest: Digest): Needs | undefined {
    const row = database.get("select media_type, bytes from manifests where digest = ?", digest);
    if (row === undefined) return undefined;
    const bytes = row["bytes"] as Uint8Array; // the column is a blob
    return needsOf({ digest, mediaType: String(row["media_type"]), bytes });
  }

  function removed(digest: Digest): void {
    for (const row of database.all("select digest from manifests")) {
      const manifest = parseDigest(String(row["digest"]));
      const needs = manifest && stored(manifest);
      if (needs === undefined || !namedBy(needs).includes(digest)) continue;
      wrong.push(`${digest} is gone, which ${manifest} needs`);
    }
    promised = promised.filter(({ until }) => until > now());
    if (promised.some(({ digests }) => digests.has(digest))) {
      wrong.push(`${digest} is gone, which a client was told of`);
    }
  }

  return {
    wrong,
    counts,
    served(digest, needs) {
      counts.served += 1;
      servedAt.set(digest, now());
      const named = namedBy(needs);
      for (const blob of needs.blobs) {
        if (!hasBlob(blob.digest)) wrong.push(`${digest} was served, and ${blob.digest} is gone`);
      }
      for (const each of needs.manifests) {
        servedAt.set(each, now());
        const child = stored(each);
        if (child === undefined) wrong.push(`${digest} was served, and ${each} is gone`);
        named.push(...namedBy(child ?? { blobs: [], manifests: [], subject: undefined }));
      }
      const until = now() + world.promisedMs;
      promised.push({ until, digests: new Set(named) });
      return until;
    },
    answered(status, until, what) {
      if (status === 200 || now() > until || (hasFaults && status >= 500)) return;
      wrong.push(`${what} was answered with ${status}, and a client was told of it`);
    },
    removedBlob(digest) {
      counts.removedBlobs += 1;
      removed(digest);
    },
    removedManifest(digest) {
      counts.removedManifests += 1;
      removed(digest);
      const isYoung = now() - (servedAt.get(digest) ?? -Infinity) < world.keptMs;
      if (isYoung && !hasFaults) wrong.push(`${digest} is gone, which was pulled lately`);
    },
  };
}

function namedBy({ blobs, manifests }: Needs): Digest[] {
  return [...manifests, ...blobs.map(({ digest }) => digest)];
}

/** The same method, which tells of those calls that were answered with true. */
export function telling<Values extends readonly unknown[]>(
  method: (...values: Values) => Promise<boolean>,
  tell: (values: Values) => void,
) {
  return async (...values: Values): Promise<boolean> => {
    const answer = await method(...values);
    if (answer) tell(values);
    return answer;
  };
}
