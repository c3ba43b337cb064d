import type { QueryDocumentSnapshot } from "@google-cloud/firestore";
import { digestFromHex, digestOf, hexOf } from "../digest.ts";
import type { StoredManifests, UsedManifest } from "../ports.ts";
import { decodeManifest } from "./build-document.ts";
import { change } from "./change.ts";
import { fieldsOf } from "./fields.ts";
import { answered, written, type FirestoreConnection } from "./firestore.ts";

/**
 * `StoredManifests` in Firestore. A manifest and its records go in one batch, which fails if one of them is no longer as
 * it was seen. A record that came since has written the manifest, too.
 */
export function createGoogleStoredManifests(connection: FirestoreConnection): StoredManifests {
  return {
    async list(after, limit) {
      const manifests = (await connection.open()).collection("manifests").orderBy("__name__");
      const rest = after === undefined ? manifests : manifests.startAfter(hexOf(after));
      const { docs } = await answered("list manifests", rest.limit(limit).get());
      return docs.flatMap((each) => decode(each) ?? []);
    },
    async remove(digest, usedBefore) {
      const firestore = await connection.open();
      const manifest = firestore.doc(`manifests/${hexOf(digest)}`);
      const records = firestore.collection("images").where("manifest.digest", "==", digest);
      const look = async () => {
        const snapshot = await answered(`read ${manifest.path}`, manifest.get());
        const fields = fieldsOf(snapshot);
        // Nothing is left that could bear a mark: whether it was this call that removed it is not known then.
        return fields && { usedAt: fields.number("usedAt"), snapshot, mark: undefined };
      };
      return await change(`manifest ${digest}`, look, (seen) => {
        if (seen === undefined || seen.usedAt >= usedBefore) return { answer: false };
        const write = async () => {
          const { docs } = await answered("search images", records.select("state").get());
          const batch = firestore.batch();
          for (const { ref, updateTime: lastUpdateTime } of [seen.snapshot, ...docs]) {
            batch.delete(ref, lastUpdateTime && { lastUpdateTime });
          }
          return await written(`delete ${manifest.path}`, batch.commit());
        };
        return { answer: true, write };
      });
    },
    async isBuilt({ packageSet, revision }) {
      const images = (await connection.open()).collection("images");
      const there = images.where("pin.revision", "==", revision).select("pin").limit(mostSets);
      const { docs } = await answered("search images", there.get());
      const sets = docs.map((each) => fieldsOf(each)?.map("pin").text("packageSet"));
      // As many again may be of another package set: then it is not known, and that is no reason to forget anything.
      return sets.includes(packageSet) || docs.length === mostSets;
    },
  };
}

const mostSets = 100;

function decode(snapshot: QueryDocumentSnapshot): UsedManifest | undefined {
  const fields = fieldsOf(snapshot);
  if (fields === undefined) return undefined;
  const digest = digestFromHex(snapshot.id);
  const stored = decodeManifest(fields);
  if (digestOf(stored.bytes) !== digest) {
    throw new Error(`the manifest ${digest} is damaged, so nothing is removed`);
  }
  return { digest, ...stored, usedAt: fields.has("usedAt") ? fields.number("usedAt") : undefined };
}
