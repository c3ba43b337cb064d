import type { DocumentSnapshot } from "@google-cloud/firestore";
import { hexOf, parseDigest, type Digest } from "../digest.ts";
import type { Referrers } from "../ports.ts";
import type { Referrer } from "../referrer.ts";
import { fieldsOf } from "./fields.ts";
import { answered, type FirestoreConnection } from "./firestore.ts";

/**
 * `Referrers` in Firestore: the documents `subjects/{hex}/referrers/{hex}`, each a descriptor, so that adding one is a
 * write that meets no other. They are listed in the order of their names, for which no index is needed.
 */
export function createGoogleReferrers(firestore: FirestoreConnection): Referrers {
  const referrersOf = async (subject: Digest) =>
    (await firestore.open()).collection(`subjects/${hexOf(subject)}/referrers`);

  return {
    async list(subject) {
      const referrers = await referrersOf(subject);
      const { docs } = await answered(
        `list ${referrers.path}`,
        referrers.orderBy("__name__").get(),
      );
      return docs.flatMap((snapshot) => decode(snapshot) ?? []);
    },
    async add(subject, { digest, mediaType, size, artifactType, annotations }) {
      const document = (await referrersOf(subject)).doc(hexOf(digest));
      const fields = {
        digest,
        mediaType,
        size,
        artifactType: artifactType ?? null,
        // As a text: Firestore reserves some names of fields, and annotations may have any.
        annotations: annotations === undefined ? null : JSON.stringify(annotations),
      };
      await answered(`write ${document.path}`, document.set(fields));
    },
    async remove(subject, referrer) {
      const document = (await referrersOf(subject)).doc(hexOf(referrer));
      await answered(`delete ${document.path}`, document.delete());
    },
  };
}

function decode(snapshot: DocumentSnapshot): Referrer | undefined {
  const fields = fieldsOf(snapshot);
  return (
    fields && {
      mediaType: fields.text("mediaType"),
      digest: fields.parsed("digest", parseDigest),
      size: fields.number("size"),
      ...(fields.has("artifactType") && { artifactType: fields.text("artifactType") }),
      ...(fields.has("annotations") && { annotations: fields.parsed("annotations", parseTexts) }),
    }
  );
}

function parseTexts(text: string): Readonly<Record<string, string>> {
  return JSON.parse(text) as Record<string, string>; // written above
}
