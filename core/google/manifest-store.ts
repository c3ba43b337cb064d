import type { DocumentSnapshot, Timestamp } from "@google-cloud/firestore";
import { hexOf, type Digest } from "../digest.ts";
import type { Clock } from "../ports.ts";
import type { StoredManifest } from "../record.ts";
import { decodeManifest, encodeManifest } from "./build-document.ts";
import { change, writeAsSeen } from "./change.ts";
import { fieldsOf } from "./fields.ts";
import { answered, written, type FirestoreConnection } from "./firestore.ts";

/** The documents `manifests/{hex}`. */
export interface ManifestStore {
  read(digest: Digest): Promise<StoredManifest | undefined>;
  keep(manifest: StoredManifest, at: number): Promise<void>;
  /** Has one count as used at this time, unless it was later; false where there is none. */
  use(digest: Digest, at: number): Promise<boolean>;
}

// Processes that note the same moment need not wait for each other to write it down.
const sameMs = 60_000;

export function createManifestStore(connection: FirestoreConnection, now: Clock): ManifestStore {
  const pathOf = (digest: Digest) => `manifests/${hexOf(digest)}`;

  async function look(digest: Digest): Promise<DocumentSnapshot> {
    const document = (await connection.open()).doc(pathOf(digest));
    return await answered(`read ${document.path}`, document.get());
  }

  async function create(manifest: StoredManifest, at: number) {
    const document = (await connection.open()).doc(pathOf(manifest.digest));
    const fields = { ...encodeManifest(manifest), usedAt: at };
    return await written(`write ${document.path}`, document.create(fields));
  }

  async function use(digest: Digest, at: number): Promise<boolean> {
    // Not for what is over: this way writes over what was noted since.
    const light = at >= now() - sameMs ? connection.light() : undefined;
    const changed = await light?.change(pathOf(digest), "usedAt", at);
    if (changed !== undefined && changed !== "unknown") return changed === "done";
    return await change(
      `manifest ${digest}`,
      async () => seenUse(await look(digest)),
      (seen) => {
        if (seen === undefined) return { answer: false };
        if (seen.usedAt >= at - sameMs) return { answer: true };
        const write = async () => {
          const { document, ...as } = seen;
          const batch = document.firestore.batch();
          writeAsSeen(batch, document, as, { usedAt: at });
          return await written(`write ${document.path}`, batch.commit());
        };
        return { answer: true, write };
      },
    );
  }

  return {
    async read(digest) {
      const fields = fieldsOf(await look(digest));
      return fields && { digest, ...decodeManifest(fields) };
    },
    async keep(manifest, at) {
      // Its name is the digest of its bytes: that it is there already is as good, and so it can be tried again. Only it
      // may be about to go.
      for (let attempt = 1; ; attempt++) {
        const outcome = await create(manifest, at);
        if (outcome.state === "done") return;
        if (outcome.state === "lost" && (await use(manifest.digest, at))) return;
        if (outcome.state === "in doubt" && attempt > 1) throw outcome.error;
        if (attempt === mostAttempts) throw new Error(`could not keep ${manifest.digest}`);
      }
    },
    use,
  };
}

const mostAttempts = 5;

interface SeenUse {
  readonly usedAt: number;
  readonly updated: Timestamp;
  readonly document: DocumentSnapshot["ref"];
  /** None: one that was used twice was used. */
  readonly mark?: undefined;
}

function seenUse(snapshot: DocumentSnapshot): SeenUse | undefined {
  const fields = fieldsOf(snapshot);
  if (fields === undefined || snapshot.updateTime === undefined) return undefined;
  const usedAt = fields.has("usedAt") ? fields.number("usedAt") : 0;
  return { usedAt, updated: snapshot.updateTime, document: snapshot.ref };
}
