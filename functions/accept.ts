import { LRUCache } from "lru-cache";
import Negotiator from "negotiator";
import { atMost } from "../core/at-most.ts";
import { mediaTypes } from "../core/manifest.ts";

const indexTypes = [
  mediaTypes.index,
  // Whoever reads Docker's own kind reads the specification's as well: all engines that were tried do.
  "application/vnd.docker.distribution.manifest.list.v2+json",
];

const known = new LRUCache<string, boolean>(atMost(1000));

/** Whether a client takes an index, by its `Accept`: left out, it takes anything [RFC 9110, 12.5.1]. */
export function admitsIndex(accept: string | undefined): boolean {
  if (accept === undefined) return true;
  const found = known.get(accept);
  if (found !== undefined) return found;
  const admits = new Negotiator({ headers: { accept } }).mediaTypes(indexTypes).length > 0;
  known.set(accept, admits);
  return admits;
}
