import type { RegistryRequest, RegistryResponse } from "./exchange.ts";
import * as respond from "./respond.ts";

/** What a client is told that may have the answer already [RFC 9110, 13.1.2]. */
export function conditional(
  request: RegistryRequest,
  response: RegistryResponse,
): RegistryResponse {
  const held = (request.headers["if-none-match"] ?? "").split(",").map((tag) => tag.trim());
  const etag = String(response.headers["etag"]);
  const isHeld = held.some((tag) => tag === "*" || tag.replace(/^W\//, "") === etag);
  return isHeld ? respond.notModified(response) : response;
}

// A host, maybe with a port, as containerd names the registry that it has this one stand in for.
const namespacePattern = /^[a-zA-Z0-9][a-zA-Z0-9.-]{0,253}(?::\d{1,5})?$/;

/** Says for which registry it was answered, where the client has named one; there is one set of names for all. */
export function inNamespace(
  request: RegistryRequest,
  response: RegistryResponse,
): RegistryResponse {
  const namespace = request.query.get("ns");
  if (namespace === null || !namespacePattern.test(namespace)) return response;
  return { ...response, headers: { ...response.headers, "oci-namespace": namespace } };
}

/** Where a client is sent to ask once more. */
export function nextHop(request: RegistryRequest, hop: number): string {
  const query = new URLSearchParams(request.query);
  query.set("wait", String(hop));
  return `${request.path}?${query.toString()}`;
}
