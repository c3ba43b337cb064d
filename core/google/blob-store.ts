import { LRUCache } from "lru-cache";
import { atMost } from "../at-most.ts";
import { digestOf, type Digest } from "../digest.ts";
import type { BlobStore, Clock } from "../ports.ts";
import { blobName, isSealed } from "./blob-object.ts";
import { uploadBlob } from "./blob-upload.ts";
import { privateTimes, publicUrl, signedUrl, usualTimes, windowOf } from "./blob-urls.ts";
import {
  answered,
  connectBucket,
  describe,
  isAbsent,
  type BucketConnection,
  type BucketSettings,
} from "./bucket.ts";
import { sharing } from "./share.ts";
import { holdObject } from "./stored-blobs.ts";

export interface GoogleBlobStoreOptions extends BucketSettings {
  /** URL below which everybody can read the bucket's objects; without it, URLs are signed. */
  readonly blobUrl?: string | undefined;
  /** Whether URLs are good for a few minutes alone: whoever was let in may pass them on. */
  readonly isPrivate?: boolean;
  /** How large a blob may be that is sent in one request; larger ones are staged. */
  readonly wholeBytes?: number;
  readonly now: Clock;
}

interface KeptUrl {
  readonly window: number;
  readonly url: Promise<string>;
}

const keptUrls = 10_000;

/**
 * `BlobStore` in a bucket: `blobs/sha256/<hex>`. Clients are sent to URLs, which are kept for some minutes: for as long
 * a blob that was there is taken to be there, and neither the bucket nor the signer is asked.
 */
export function createGoogleBlobStore(
  options: GoogleBlobStoreOptions,
): BlobStore & BucketConnection {
  const connection = connectBucket(options);
  const times = options.isPrivate === true ? privateTimes : usualTimes;
  const urls = new LRUCache<Digest, KeptUrl>(atMost(keptUrls));

  const look = sharing(async (digest: Digest) => {
    return await describe(await connection.open(), blobName(digest));
  });

  async function urlOf(digest: Digest, window: number): Promise<string> {
    const name = blobName(digest);
    if (options.blobUrl !== undefined) return publicUrl(options.blobUrl, name);
    return await answered(`sign ${name}`, signedUrl(await connection.open(), name, window, times));
  }

  function keptUrl(digest: Digest, window: number): Promise<string> | undefined {
    const kept = urls.get(digest);
    return kept?.window === window ? kept.url : undefined;
  }

  function keepUrl(digest: Digest, window: number): Promise<string> {
    const url = urlOf(digest, window);
    urls.set(digest, { window, url });
    // Its failure is the callers' to see; the next one tries again.
    url.catch(() => urls.delete(digest));
    return url;
  }

  return {
    open: () => connection.open(),
    async stat(digest) {
      const found = await look(digest);
      return found && { size: Number(found.size) };
    },
    async locate(digest) {
      const window = windowOf(options.now(), times);
      const kept = keptUrl(digest, window);
      if (kept !== undefined) return { at: "elsewhere", url: await kept };
      if ((await look(digest)) === undefined) return undefined;
      return {
        at: "elsewhere",
        url: await (keptUrl(digest, window) ?? keepUrl(digest, window)),
      };
    },
    async read(digest, limitBytes) {
      const name = blobName(digest);
      const found = await look(digest);
      if (found === undefined) return undefined;
      if (Number(found.size) > limitBytes) {
        throw new Error(`${digest} has ${found.size} bytes, and ${limitBytes} are the limit`);
      }
      const file = (await connection.open()).file(name);
      try {
        // The digest says more than the checksum that the library would compare.
        const [bytes] = await answered(`read ${name}`, file.download({ validation: false }));
        return digestOf(bytes) === digest ? bytes : undefined;
      } catch (error) {
        if (isAbsent(error)) return undefined;
        throw error;
      }
    },
    async write(bytes, signal) {
      const { wholeBytes, now } = options;
      return await uploadBlob(await connection.open(), bytes, signal, wholeBytes, now);
    },
    async isSound(digest, size) {
      const found = await look(digest);
      return found !== undefined && isSealed(found, digest, size);
    },
    async hold(digest, size) {
      const found = await look(digest);
      if (found === undefined || !isSealed(found, digest, size)) return false;
      return await holdObject(await connection.open(), digest, found, options.now());
    },
  };
}
