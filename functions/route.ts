import { RegistryError } from "../core/errors.ts";
import { visible } from "../core/visible.ts";

/** Everything that can be asked of the registry. Names, tags and digests have not been checked yet. */
export type Route =
  | { readonly kind: "greeting" }
  | { readonly kind: "token" }
  | { readonly kind: "base" }
  | { readonly kind: "manifest-by-tag"; readonly name: string; readonly tag: string }
  | { readonly kind: "manifest-by-digest"; readonly name: string; readonly digest: string }
  | { readonly kind: "blob"; readonly name: string; readonly digest: string }
  | { readonly kind: "tags"; readonly name: string }
  | { readonly kind: "referrers"; readonly name: string; readonly digest: string }
  | { readonly kind: "status" }
  | { readonly kind: "build-status"; readonly key: string };

const allowed = "GET, HEAD";

/** Reads method and path; throws what a client is told of a path that leads nowhere. */
export function parseRoute(method: string, encodedPath: string): Route {
  // No name, tag or digest has such characters, and what is wrong with one is told in its own words.
  const path = visible(decode(encodedPath));
  if (path === "/token" && (method === "GET" || method === "POST")) return { kind: "token" };
  if (method !== "GET" && method !== "HEAD") {
    const message = `this registry is for pulling: ${method} is not supported`;
    throw new RegistryError(405, "UNSUPPORTED", message, { allow: allowed });
  }
  if (path === "/") return { kind: "greeting" };
  if (path === "/v2" || path === "/v2/") return { kind: "base" };
  if (path === "/status") return { kind: "status" };
  if (path.startsWith("/status/")) {
    return { kind: "build-status", key: path.slice("/status/".length) };
  }
  const match =
    /^\/v2\/(?<name>.+)\/(?<what>manifests|blobs|referrers|tags)\/(?<reference>[^/]*)$/s.exec(path);
  const { name = "", what, reference = "" } = match?.groups ?? {};
  if (what === "manifests" && reference.includes(":")) {
    return { kind: "manifest-by-digest", name, digest: reference };
  }
  if (what === "manifests") return { kind: "manifest-by-tag", name, tag: reference };
  if (what === "blobs") return { kind: "blob", name, digest: reference };
  if (what === "referrers") return { kind: "referrers", name, digest: reference };
  if (what === "tags" && reference === "list") return { kind: "tags", name };
  throw new RegistryError(404, "NAME_UNKNOWN", `"${path}" is not a path of a registry`);
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw new RegistryError(
      400,
      "NAME_INVALID",
      `"${visible(path)}" is not correctly percent-encoded`,
    );
  }
}
