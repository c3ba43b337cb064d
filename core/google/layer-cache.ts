import type { DocumentSnapshot } from "@google-cloud/firestore";
import { parseDigest } from "../digest.ts";
import type { LayerCache, LayerEntry } from "../ports.ts";
import { fieldsOf } from "./fields.ts";
import { answered, written, type FirestoreConnection } from "./firestore.ts";

const keysAtOnce = 100;

/** `LayerCache` in Firestore: the documents `layers/{layer key}`. The layers of an image are one request, or two. */
export function createGoogleLayerCache(firestore: FirestoreConnection): LayerCache {
  async function readBatch(keys: readonly string[]): Promise<readonly DocumentSnapshot[]> {
    const client = await firestore.open();
    const documents = keys.map((key) => client.doc(`layers/${key}`));
    return await answered(`read ${keys.length} layers`, client.getAll(...documents));
  }

  return {
    async read(keys) {
      const batches: Promise<readonly DocumentSnapshot[]>[] = [];
      for (let at = 0; at < keys.length; at += keysAtOnce) {
        batches.push(readBatch(keys.slice(at, at + keysAtOnce)));
      }
      const found = new Map<string, LayerEntry>();
      for (const snapshot of (await Promise.all(batches)).flat()) {
        const entry = decode(snapshot);
        if (entry !== undefined) found.set(snapshot.id, entry);
      }
      return found;
    },
    async write(key, { digest, size, diffId, rawSize }) {
      const document = (await firestore.open()).doc(`layers/${key}`);
      const fields = { digest, size, diffId, rawSize };
      await answered(`write ${document.path}`, document.set(fields));
    },
    async forget(digest) {
      const layers = (await firestore.open()).collection("layers");
      const same = layers.where("digest", "==", digest).select();
      const { docs } = await answered(`search layers for ${digest}`, same.get());
      await Promise.all(
        docs.map(async ({ ref, updateTime }) => {
          // One that was written since is another.
          const removal = ref.delete({ lastUpdateTime: updateTime });
          await written(`delete ${ref.path}`, removal);
        }),
      );
    },
  };
}

function decode(snapshot: DocumentSnapshot): LayerEntry | undefined {
  const fields = fieldsOf(snapshot);
  return (
    fields && {
      digest: fields.parsed("digest", parseDigest),
      size: fields.number("size"),
      diffId: fields.parsed("diffId", parseDigest),
      rawSize: fields.number("rawSize"),
    }
  );
}
