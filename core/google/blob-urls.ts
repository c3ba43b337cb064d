import type { Bucket } from "@google-cloud/storage";

const windowMs = 10 * 60_000;
// An URL is good for 20 minutes at the least: that is for a download to begin, not to end.
const validMs = 30 * 60_000;

/** The beginning of the ten minutes for which an URL is the same, from every instance. */
export function windowOf(now: number): number {
  return now - (now % windowMs);
}

/**
 * URL with which everybody can read an object (V4), made out of nothing but key, name and window. Without a key at
 * hand, as in the cloud, each is a request to IAM.
 */
export async function signedUrl(bucket: Bucket, name: string, window: number): Promise<string> {
  const [url] = await bucket.file(name).getSignedUrl({
    version: "v4",
    action: "read",
    accessibleAt: window,
    expires: window + validMs,
  });
  return url;
}

/** URL of an object below that of its bucket, where everybody can read it. */
export function publicUrl(base: string, name: string): string {
  return `${base.replace(/\/+$/, "")}/${name}`;
}
