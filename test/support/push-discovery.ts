import { compareBytes } from "../../core/bytewise.ts";
import { isDigestSyntax, parseDigest } from "../../core/digest.ts";
import { mediaTypes } from "../../core/manifest.ts";
import type { RegistryResponse } from "../../functions/exchange.ts";
import { jsonAnswer, PushError } from "./push-exchange.ts";
import type { PushedReferrers } from "./push-referrers.ts";
import type { PushRepository } from "./push-repository.ts";

/** The tags that were pushed, of which the product knows none: its own are where package sets stand. */
export function listTags(repository: PushRepository, query: URLSearchParams): RegistryResponse {
  const { name, tags } = repository;
  const last = query.get("last");
  const limit = query.has("n") ? Number(query.get("n")) : Infinity;
  if (!(limit >= 0)) throw new PushError(400, "UNSUPPORTED", "n is a number");
  const sorted = [...tags.keys()].sort(compareBytes);
  const rest = last === null ? sorted : sorted.filter((tag) => compareBytes(tag, last) > 0);
  const page = rest.slice(0, limit);
  const next = `/v2/${name}/tags/list?n=${limit}&last=${page.at(-1) ?? ""}`;
  const hasMore = page.length > 0 && page.length < rest.length;
  return jsonAnswer(200, { name, tags: page }, hasMore ? { link: `<${next}>; rel="next"` } : {});
}

/** What was pushed that refers to a digest, and was not deleted. */
export async function listReferrers(
  { manifests }: PushRepository,
  text: string,
  query: URLSearchParams,
  referrers: PushedReferrers,
): Promise<RegistryResponse> {
  if (!isDigestSyntax(text)) {
    throw new PushError(400, "DIGEST_INVALID", `"${text}" is not a digest`);
  }
  const subject = parseDigest(text);
  const all = subject === undefined ? [] : await referrers.list(subject);
  const types = query.getAll("artifactType");
  const chosen = all
    .filter(({ digest }) => manifests.has(digest))
    .filter(({ artifactType = "" }) => types.length === 0 || types.includes(artifactType));
  const { index } = mediaTypes;
  return jsonAnswer(
    200,
    { schemaVersion: 2, mediaType: index, manifests: chosen },
    { "content-type": index, ...(types.length > 0 && { "oci-filters-applied": "artifactType" }) },
  );
}
