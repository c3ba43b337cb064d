import { parseDigest, type Digest } from "../../core/digest.ts";
import { mediaTypes } from "../../core/manifest.ts";
import { needsOf } from "../../core/retention.ts";
import type { RegistryResponse } from "../../functions/exchange.ts";
import type { Registry } from "../../functions/registry.ts";
import type { Witness } from "./retention-witness.ts";

/**
 * Makes the function that pulls as clients do: a manifest, of an index each of its manifests, and all of the blobs, each
 * from any process; `heard` is told of what was served.
 */
export function createClient(
  registry: () => Registry,
  witness: Witness,
  heard: (digest: Digest) => void,
) {
  async function ask(path: string): Promise<RegistryResponse> {
    const asked = registry();
    const headers = { accept: `${mediaTypes.index}, ${mediaTypes.manifest}` };
    const known = asked.warm("GET", path, headers.accept);
    const { signal } = new AbortController();
    const query = new URLSearchParams();
    return known ?? (await asked.answer({ method: "GET", path, query, headers, signal }));
  }

  async function follow({ status, headers, body }: RegistryResponse): Promise<void> {
    const digest = parseDigest(String(headers["docker-content-digest"]));
    if (status !== 200 || digest === undefined || !(body instanceof Uint8Array)) return;
    const mediaType = String(headers["content-type"]);
    const needs = needsOf({ digest, mediaType, bytes: body });
    const until = witness.served(digest, needs);
    heard(digest);
    for (const each of needs.manifests) {
      const next = await ask(`/v2/git/manifests/${each}`);
      witness.answered(next.status, until, each);
      await follow(next);
    }
    for (const blob of needs.blobs) {
      const { status: found } = await ask(`/v2/git/blobs/${blob.digest}`);
      witness.answered(found, until, blob.digest);
    }
  }

  return async (path: string): Promise<void> => await follow(await ask(path));
}
