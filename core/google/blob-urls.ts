import type { Bucket } from "@google-cloud/storage";

/** How long an URL is the same, from every instance, and from the beginning of that time on good. */
export interface UrlTimes {
  readonly windowMs: number;
  readonly validMs: number;
}

/** An URL is good for 20 minutes at the least: that is for a download to begin, not to end. */
export const usualTimes: UrlTimes = { windowMs: 10 * 60_000, validMs: 30 * 60_000 };
/** For three minutes at the least, and five at the most; who goes on with a download asks the registry anew. */
export const privateTimes: UrlTimes = { windowMs: 2 * 60_000, validMs: 5 * 60_000 };

/** The beginning of the time for which an URL is the same. */
export function windowOf(now: number, { windowMs }: UrlTimes): number {
  return now - (now % windowMs);
}

/**
 * URL with which everybody can read an object (V4), made out of nothing but key, name and window. Without a key at
 * hand, as in the cloud, each is a request to IAM.
 */
export async function signedUrl(
  bucket: Bucket,
  name: string,
  window: number,
  { validMs }: UrlTimes,
): Promise<string> {
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
