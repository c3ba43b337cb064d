import type { DocumentReference, Firestore, Query } from "@google-cloud/firestore";
import type { BuildKey } from "../build-key.ts";
import { hexOf } from "../digest.ts";
import { decodeBuild, encodeBuild, encodeManifest } from "./build-document.ts";
import type { Build, SeenBuild } from "./build-document.ts";
import { writeAsSeen } from "./change.ts";
import { fieldsOf } from "./fields.ts";
import { answered, written, type FirestoreConnection, type Written } from "./firestore.ts";
import { decodeLease, endedLease, type SeenLease } from "./leases.ts";

/** Builds and leases as documents. */
export interface BuildStore {
  document(key: BuildKey): Promise<DocumentReference>;
  look(key: BuildKey): Promise<SeenBuild | undefined>;
  lookAtLease(key: BuildKey): Promise<SeenLease | undefined>;
  /** A build with its lease, read at once. */
  lookAtBoth(key: BuildKey): Promise<SeenBoth>;
  lookAtLeases(keys: readonly BuildKey[]): Promise<readonly (SeenLease | undefined)[]>;
  /**
   * Makes `next` of a build, or nothing, unless it is no longer as it was seen. What follows is in the same batch: its
   * manifest, once it is ready; the end of its lease, where it had a holder and has none now.
   */
  write(key: BuildKey, change: BuildChange, mark: string): Promise<Written>;
  /** Keeps a lease until then, unless it is no longer as it was seen. */
  extend(key: BuildKey, seen: SeenLease, expiresAt: number): Promise<Written>;
  /** The builds that a query on the collection finds, in its order. */
  find(query: (images: Query) => Query): Promise<readonly SeenBuild[]>;
  /** The revisions that builds which are ready are pinned at, by what `readyAs` gives of them. */
  revisions(names: readonly string[], limit: number): Promise<readonly string[]>;
}

export interface SeenBoth {
  readonly build: SeenBuild | undefined;
  readonly lease: SeenLease | undefined;
  readonly mark?: string | undefined;
}

export interface BuildChange {
  readonly seen: SeenBuild | undefined;
  readonly next: Build | undefined;
  /** The lease that the next holder takes; it must still be as it was seen, too. */
  readonly lease?: { readonly seen: SeenLease | undefined; readonly expiresAt: number };
}

export function createBuildStore(connection: FirestoreConnection): BuildStore {
  const documentsOf = (firestore: Firestore, key: BuildKey) => ({
    image: firestore.doc(`images/${key}`),
    lease: firestore.doc(`leases/${key}`),
  });

  async function read(what: string, paths: readonly string[]) {
    const firestore = await connection.open();
    const documents = paths.map((path) => firestore.doc(path));
    return await answered(what, firestore.getAll(...documents));
  }

  async function lookAtLeases(keys: readonly BuildKey[]) {
    if (keys.length === 0) return [];
    const paths = keys.map((key) => `leases/${key}`);
    return (await read(`read leases/${keys[0]}`, paths)).map(decodeLease);
  }

  return {
    lookAtLeases,
    document: async (key) => documentsOf(await connection.open(), key).image,
    async look(key) {
      const [image] = await read(`read images/${key}`, [`images/${key}`]);
      return image && decodeBuild(image);
    },
    lookAtLease: async (key) => (await lookAtLeases([key]))[0],
    async lookAtBoth(key) {
      const paths = [`images/${key}`, `leases/${key}`];
      const [image, lease] = await read(`read images/${key}`, paths);
      const build = image && decodeBuild(image);
      return { build, lease: lease && decodeLease(lease), mark: build?.mark };
    },
    async write(key, { seen, next, lease }, mark) {
      const firestore = await connection.open();
      const documents = documentsOf(firestore, key);
      const batch = firestore.batch();
      if (next !== undefined) {
        writeAsSeen(batch, documents.image, seen, { ...encodeBuild(next), mark });
      } else if (seen !== undefined) {
        batch.delete(documents.image, { lastUpdateTime: seen.updated });
      }
      if (seen?.holder !== undefined && next?.holder === undefined) {
        batch.set(documents.lease, endedLease(seen.holder));
      }
      if (next?.holder !== undefined && lease !== undefined) {
        const fields = { ...next.holder, expiresAt: lease.expiresAt };
        writeAsSeen(batch, documents.lease, lease.seen, fields);
      }
      if (next?.record.state === "ready") {
        const { manifest } = next.record;
        const fields = { ...encodeManifest(manifest), usedAt: next.changedAt };
        batch.set(firestore.doc(`manifests/${hexOf(manifest.digest)}`), fields);
      }
      return await written(`write images/${key}`, batch.commit());
    },
    async extend(key, seen, expiresAt) {
      const firestore = await connection.open();
      const { lease } = documentsOf(firestore, key);
      const batch = firestore.batch();
      writeAsSeen(batch, lease, seen, { expiresAt });
      return await written(`renew leases/${key}`, batch.commit());
    },
    async find(query) {
      const images = (await connection.open()).collection("images");
      const { docs } = await answered("search images", query(images).get());
      return docs.map(decodeBuild).filter((build) => build !== undefined);
    },
    async revisions(names, limit) {
      const images = (await connection.open()).collection("images");
      // Without the manifests, which are nearly all of a document.
      const pins = images.where("readyAs", "in", names).select("pin").limit(limit);
      const { docs } = await answered("search images", pins.get());
      return docs.flatMap((snapshot) => fieldsOf(snapshot)?.map("pin").text("revision") ?? []);
    },
  };
}
