import {
  isSettled,
  afterClaim,
  afterRelease,
  afterRequest,
  afterSettling,
  afterSpoiling,
} from "../record.ts";
import type { BuildKey } from "../build-key.ts";
import type { BuildCache, Claimed, Clock, Lease, NeglectedBuild } from "../ports.ts";
import type { BuildRecord } from "../record.ts";
import {
  decodeBuild,
  decodeRecord,
  readyAs,
  type Build,
  type SeenBuild,
} from "./build-document.ts";
import { createBuildStore, type BuildChange, type SeenBoth } from "./build-store.ts";
import { change } from "./change.ts";
import type { Fields } from "./fields.ts";
import { readLightly, type FirestoreConnection, type Written } from "./firestore.ts";
import { isAlive, isHeldBy } from "./leases.ts";
import { createManifestStore } from "./manifest-store.ts";
import { alone, sharing } from "./share.ts";
import { watchDocument } from "./watch.ts";

/**
 * `BuildCache` in Firestore, for any number of processes. No transactions, which take seconds where many meet: each
 * change is one write, or one batch, that fails if a document is no longer as it was seen.
 *
 * Whoever takes a lease over changes the record in the same batch, and so does whoever ends one. The record alone
 * therefore tells who owns a build, and each of its owner's writes fails once it was changed by somebody else: an
 * owner that was frozen for an hour can break nothing when it wakes.
 *
 * `skewMs` is how far the clocks of two machines may be apart: a lease counts as over only this long after its end.
 */
export function createGoogleBuildCache(
  firestore: FirestoreConnection,
  now: Clock,
  skewMs = standardSkewMs,
): BuildCache {
  const store = createBuildStore(firestore);
  const manifests = createManifestStore(firestore, now);
  const look = sharing((key: BuildKey) => store.look(key));
  const read = sharing((key: BuildKey) => {
    const decode = (fields: Fields) => decodeRecord(key, fields);
    return readLightly(firestore, `images/${key}`, decode, async () => (await look(key))?.record);
  });
  const askAlone = alone<Written>({ state: "lost" });

  const writing = (key: BuildKey, changes: BuildChange) => (mark: string) =>
    store.write(key, changes, mark);

  /** Writes what `become` makes of the record; false, and nothing written, unless the lease is still held. */
  async function asOwner(
    lease: Lease,
    become: (present: BuildRecord) => BuildRecord,
  ): Promise<boolean> {
    const { key } = lease;
    const decide = (seen: SeenBuild | undefined) => {
      if (seen === undefined || !isHeldBy(seen.holder, lease)) return { answer: false };
      const record = become(seen.record);
      const holder = record.state === "building" ? seen.holder : undefined;
      const next: Build = { ...seen, record, holder, changedAt: now() };
      return { answer: true, write: writing(key, { seen, next }) };
    };
    return await change(`build ${key}`, () => store.look(key), decide);
  }

  function claim(key: BuildKey, owner: string, leaseMs: number) {
    return ({ build, lease }: SeenBoth) => {
      const refuse = (state: "unknown" | "settled" | "taken") => ({ answer: { state } as Claimed });
      if (build === undefined) return refuse("unknown");
      if (isSettled(build.record)) return refuse("settled");
      if (isAlive(lease, now, skewMs)) return refuse("taken");
      const holder = { owner, epoch: (lease?.epoch ?? 0) + 1 };
      const record = afterClaim(build.record, now());
      const answer: Claimed = { state: "mine", lease: { key, ...holder }, record };
      const next: Build = { ...build, record, holder, changedAt: now() };
      const taken = { seen: lease, expiresAt: now() + leaseMs };
      return { answer, write: writing(key, { seen: build, next, lease: taken }) };
    };
  }

  function isNeglected({ build, lease }: Omit<SeenBoth, "mark">, afterMs: number): boolean {
    if (build === undefined || isSettled(build.record)) return false;
    return build.publishedAt + afterMs <= now() && !isAlive(lease, now, skewMs);
  }

  /** Those that are being built were published long ago too, so it may take several pages to find the others. */
  async function neglected(afterMs: number, limit: number): Promise<readonly NeglectedBuild[]> {
    const found: NeglectedBuild[] = [];
    let after: SeenBuild | undefined;
    for (let page = 0; page < mostPages && found.length < limit; page++) {
      const last = after;
      const builds = await store.find((images) => {
        const old = images
          .where("publishedAt", "<=", now() - afterMs)
          .orderBy("publishedAt")
          .orderBy("__name__")
          .limit(pageSize);
        return last === undefined ? old : old.startAfter(last.publishedAt, last.record.key);
      });
      const leases = await store.lookAtLeases(builds.map(({ record }) => record.key));
      const idle = builds.filter((build, i) => isNeglected({ build, lease: leases[i] }, afterMs));
      found.push(...idle.map(({ record, published }) => ({ record, published })));
      after = builds.at(-1);
      if (builds.length < pageSize) break;
    }
    return found.slice(0, limit);
  }

  return {
    read,
    request: async (request, lane) => {
      const { key } = request;
      const decide = (seen: SeenBuild | undefined) => {
        const answer = afterRequest(seen?.record, request, lane, now());
        if (answer.outcome === "joined") return { answer };
        const published = answer.outcome === "created" ? 1 : (seen?.published ?? 0) + 1;
        const next = { record: answer.record, published, publishedAt: now(), changedAt: now() };
        const write = writing(key, { seen, next });
        return { answer, write: (mark: string) => askAlone(key, () => write(mark)) };
      };
      return await change(`build ${key}`, () => look(key), decide);
    },
    // Published more than once, it has a job that somebody else has published.
    withdraw: async (key) =>
      await change(
        `build ${key}`,
        () => store.look(key),
        (seen) =>
          seen?.record.state === "queued" && seen.published === 1
            ? { answer: undefined, write: writing(key, { seen, next: undefined }) }
            : { answer: undefined },
      ),
    republish: async (key, afterMs) =>
      await change(
        `build ${key}`,
        () => store.lookAtBoth(key),
        (seen) => {
          const { build } = seen;
          if (build === undefined || !isNeglected(seen, afterMs)) return { answer: false };
          const next = { ...build, published: build.published + 1, publishedAt: now() };
          return { answer: true, write: writing(key, { seen: build, next }) };
        },
      ),
    claim: async (key, owner, leaseMs) =>
      await change(`build ${key}`, () => store.lookAtBoth(key), claim(key, owner, leaseMs)),
    renew: async (lease, leaseMs) => {
      const { key } = lease;
      return await change(
        `lease ${key}`,
        () => store.lookAtLease(key),
        (seen) =>
          seen !== undefined && isHeldBy(seen, lease)
            ? { answer: true, write: () => store.extend(key, seen, now() + leaseMs) }
            : { answer: false },
      );
    },
    report: async (lease, progress) =>
      await asOwner(lease, (present) =>
        present.state === "building" ? { ...present, progress } : present,
      ),
    settle: async (lease, settlement) =>
      await asOwner(lease, (present) => afterSettling(present, settlement, now())),
    release: async (lease) => void (await asOwner(lease, afterRelease)),
    spoil: async (key, manifest) =>
      await change(
        `build ${key}`,
        () => store.look(key),
        (seen) => {
          const record = afterSpoiling(seen?.record, manifest, now());
          if (seen === undefined || record === undefined) return { answer: false };
          const next: Build = { ...seen, record, changedAt: now() };
          return { answer: true, write: writing(key, { seen, next }) };
        },
      ),
    watch: (key, signal) =>
      watchDocument(
        () => store.document(key),
        (snapshot) => decodeBuild(snapshot)?.record,
        signal,
      ),
    manifest: async (digest) => await manifests.read(digest),
    keep: async (manifest) => await manifests.keep(manifest, now()),
    async use(digests, at) {
      const present = await Promise.all(digests.map((digest) => manifests.use(digest, at)));
      return digests.filter((_, i) => present[i] === false);
    },
    recent: async (limit) => {
      const builds = await store.find((images) => images.orderBy("changedAt", "desc").limit(limit));
      return builds.map(({ record }) => record);
    },
    async revisions(packageSet, images, limit) {
      if (images.length === 0) return [];
      const names = images.map((image) => readyAs(packageSet, image));
      return [...new Set(await store.revisions(names, limit))];
    },
    unsettled: async (limit) => {
      const builds = await store.find((images) =>
        images.where("publishedAt", ">", 0).orderBy("publishedAt").limit(limit),
      );
      return builds.map(({ record }) => record);
    },
    neglected,
  };
}

const standardSkewMs = 5000;
const pageSize = 200;
// Beyond a thousand builds at once the rest waits for the next round.
const mostPages = 5;
