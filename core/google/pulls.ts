import { createHash } from "node:crypto";
import type { Pulls } from "../ports.ts";
import { fieldsOf } from "./fields.ts";
import { answered, type FirestoreConnection } from "./firestore.ts";

// Longer than anybody calls lately; the policy that deletes them is in `indexes.ts`.
const keptMs = 30 * 24 * 60 * 60_000;

/**
 * `Pulls` in Firestore: the documents `pulls/{SHA-256 of the pin's id}/pulled/{SHA-256 of the image}`. A collection a
 * pin is asked for the latest with the index that each field has anyway; one for all would need an index of its own.
 */
export function createGooglePulls(firestore: FirestoreConnection): Pulls {
  const pathOf = (pinId: string) => `pulls/${hash(pinId)}/pulled`;
  const pulled = async (pinId: string) => (await firestore.open()).collection(pathOf(pinId));

  return {
    /** Of two processes that note at the same moment either may win: the times are hardly apart. */
    async note(pinId, image, at) {
      const fields = { pinId, image, at, expireAt: new Date(at + keptMs) };
      if (await firestore.light()?.write(`${pathOf(pinId)}/${hash(image)}`, fields)) return;
      const document = (await pulled(pinId)).doc(hash(image));
      await answered(`write ${document.path}`, document.set(fields));
    },
    async recent(pinId, since, limit) {
      const latest = (await pulled(pinId)).where("at", ">=", since).orderBy("at", "desc");
      const { docs } = await answered("list pulls", latest.limit(limit).get());
      return docs.flatMap((snapshot) => fieldsOf(snapshot)?.text("image") ?? []);
    },
  };
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
