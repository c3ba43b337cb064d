import type { RegistryError } from "../core/errors.ts";
import type { StoredManifest } from "../core/record.ts";
import { keptInMemoryMs } from "../core/retention.ts";
import { visible } from "../core/visible.ts";
import type { RegistryResponse } from "./exchange.ts";

/**
 * Everything that becomes a response. Caching: what is named by its digest never changes, but a manifest whose blobs may
 * have gone is of no use; what is named by a tag, and every error, is not to be kept.
 */

const unchanging = "public, max-age=31536000, immutable";
const unchangingForNow = `public, max-age=${keptInMemoryMs / 1000}, immutable`;
const apiVersion = { "docker-distribution-api-version": "registry/2.0" };

export function json(
  value: unknown,
  headers: Readonly<Record<string, string>> = {},
): RegistryResponse {
  return bytes(encode(value), "application/json", { "cache-control": "no-store", ...headers });
}

/** JSON that people read as well, in a browser or after curl. */
export function readableJson(value: unknown): RegistryResponse {
  const body = new TextEncoder().encode(`${JSON.stringify(value, undefined, 2)}\n`);
  return bytes(body, "application/json", { "cache-control": "no-store" });
}

export function base(): RegistryResponse {
  return bytes(encode({}), "application/json", apiVersion);
}

export function text(lines: readonly string[]): RegistryResponse {
  const body = new TextEncoder().encode(`${lines.join("\n")}\n`);
  return bytes(body, "text/plain; charset=utf-8", { "cache-control": "no-store" });
}

/** A manifest, exactly as it is stored. */
export function manifest(stored: StoredManifest, by: "tag" | "digest"): RegistryResponse {
  return bytes(stored.bytes, stored.mediaType, {
    ...apiVersion,
    "docker-content-digest": stored.digest,
    etag: `"${stored.digest}"`,
    vary: "accept",
    "cache-control": by === "digest" ? unchangingForNow : "no-store",
  });
}

// All warnings together may have 4096 bytes [OCI distribution specification, "Warnings"].
const warningsLength = 4000;

/** An answer with what people should know of it: clients print it beside what they pulled. */
export function withWarnings(to: RegistryResponse, warnings: readonly string[]): RegistryResponse {
  const quoted = warnings.map((warning) => {
    const words = warning.replace(/[^!-~]+/g, " ").slice(0, warningsLength / warnings.length);
    return `299 - "${words.replace(/["\\]/g, "'")}"`;
  });
  return { ...to, headers: { ...to.headers, warning: quoted.join(", ") } };
}

/** The answer to a condition that the client's copy still meets. */
export function notModified(to: RegistryResponse): RegistryResponse {
  const { "content-length": _length, "content-type": _type, ...headers } = to.headers;
  return { status: 304, headers };
}

/** The bytes of a blob, all of them or one range; `content` is left out for HEAD. */
export function blob(
  digest: string,
  total: number,
  range: { readonly first: number; readonly last: number } | undefined,
  content: AsyncIterable<Uint8Array> | undefined,
): RegistryResponse {
  const length = range === undefined ? total : range.last - range.first + 1;
  return {
    status: range === undefined ? 200 : 206,
    headers: {
      "content-type": "application/octet-stream",
      "content-length": length,
      "docker-content-digest": digest,
      etag: `"${digest}"`,
      "accept-ranges": "bytes",
      // Without no-transform a proxy may compress the bytes, and digest, length and ranges are wrong.
      "cache-control": `${unchanging}, no-transform`,
      ...(range === undefined
        ? {}
        : { "content-range": `bytes ${range.first}-${range.last}/${total}` }),
    },
    ...(content === undefined ? {} : { body: content }),
  };
}

/** An answer for whoever asked: no cache between may give it to others, who might not be let in. */
export function forOneAlone(response: RegistryResponse): RegistryResponse {
  const control = response.headers["cache-control"];
  if (control === undefined) return response;
  const kept = String(control).replace(/^public\b/, "private");
  return { ...response, headers: { ...response.headers, "cache-control": kept } };
}

export function redirect(location: string): RegistryResponse {
  return {
    status: 307,
    headers: { location, "content-length": 0, "cache-control": "no-store" },
  };
}

/** An index of the OCI image specification that is not stored, and may have other entries the next time. */
export function index(
  mediaType: string,
  manifests: readonly unknown[],
  headers: Readonly<Record<string, string>>,
): RegistryResponse {
  return bytes(encode({ schemaVersion: 2, mediaType, manifests }), mediaType, {
    ...apiVersion,
    "cache-control": "no-store",
    ...headers,
  });
}

export function error(reason: RegistryError): RegistryResponse {
  return problem(reason.status, reason.code, reason.message, reason.headers);
}

/** Trouble of ours; the codes are those of the Docker registry API, the OCI specification has none for it. */
export function unavailable(message: string, status: 500 | 503 = 503): RegistryResponse {
  return status === 500
    ? problem(status, "UNKNOWN", message, {})
    : problem(status, "UNAVAILABLE", message, { "retry-after": "5" });
}

function problem(
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>>,
): RegistryResponse {
  // Clients print it as it is: whatever a header, a package or a library put in has no say over their terminals.
  const body = encode({ errors: [{ code, message: visible(message, "\n\t") }] });
  const always = { ...apiVersion, "cache-control": "no-store" };
  return bytes(body, "application/json", { ...always, ...headers }, status);
}

function bytes(
  body: Uint8Array,
  contentType: string,
  headers: Readonly<Record<string, string | number>>,
  status = 200,
): RegistryResponse {
  return {
    status,
    headers: { "content-type": contentType, "content-length": body.byteLength, ...headers },
    body,
  };
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
