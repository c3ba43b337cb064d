import { compareBytes } from "../../core/bytewise.ts";
import type { RegistryResponse } from "../../functions/exchange.ts";
import { jsonAnswer, PushError } from "./push-exchange.ts";
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
