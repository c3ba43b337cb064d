import parseRange from "range-parser";
import { isDigestSyntax, parseDigest, type Digest } from "../core/digest.ts";
import { RegistryError } from "../core/errors.ts";
import type { BlobStore, ByteRange } from "../core/ports.ts";
import type { RegistryRequest, RegistryResponse } from "./exchange.ts";
import * as respond from "./respond.ts";

/**
 * GET and HEAD of a blob: its bytes, one range of them, or where they are to be had. `onMissing` hears of one that is not
 * there before the client does.
 */
export async function serveBlob(
  store: BlobStore,
  text: string,
  request: RegistryRequest,
  onMissing: (digest: Digest) => Promise<void>,
): Promise<RegistryResponse> {
  if (!isDigestSyntax(text)) {
    throw new RegistryError(400, "DIGEST_INVALID", `"${text}" is not a digest`);
  }
  const digest = parseDigest(text);
  const unknown = new RegistryError(404, "BLOB_UNKNOWN", `there is no blob ${text}`);
  if (digest === undefined) throw unknown;
  if (request.method === "HEAD") {
    const found = await store.stat(digest);
    if (found === undefined) await onMissing(digest);
    if (found === undefined) throw unknown;
    return respond.blob(digest, found.size, undefined, undefined);
  }
  const located = await store.locate(digest);
  if (located === undefined) await onMissing(digest);
  if (located === undefined) throw unknown;
  if (located.at === "elsewhere") return respond.redirect(located.url);
  const condition = request.headers["if-range"];
  const isSame = condition === undefined || condition === `"${digest}"`;
  const range = isSame ? rangeOf(request.headers["range"], located.size) : undefined;
  const whole = { first: 0, last: located.size - 1 };
  return respond.blob(digest, located.size, range, located.open(range ?? whole));
}

/** The one range that was asked for; undefined for all of it, which is also the answer to several [RFC 9110, 14.2]. */
function rangeOf(header: string | undefined, size: number): ByteRange | undefined {
  if (header === undefined) return undefined;
  // The last bytes of fewer are all of them, which the parser takes for none.
  const suffix = Number(/^bytes=-(\d+)$/.exec(header)?.[1] ?? 0);
  if (suffix > size && size > 0) return { first: 0, last: size - 1 };
  const ranges = parseRange(size, header, { combine: true });
  if (ranges === -1) {
    const message = `the blob has ${size} bytes, and none of them are in the range "${header}"`;
    throw new RegistryError(416, "SIZE_INVALID", message, { "content-range": `bytes */${size}` });
  }
  const [range] = ranges === -2 || ranges.type !== "bytes" || ranges.length > 1 ? [] : ranges;
  return range && { first: range.start, last: range.end };
}
