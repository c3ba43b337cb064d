import { LRUCache } from "lru-cache";
import { isDigestSyntax, parseDigest, type Digest } from "../core/digest.ts";
import { RegistryError } from "../core/errors.ts";
import { checkName } from "../core/image.ts";
import { mediaTypes } from "../core/manifest.ts";
import { messageOf, type Log } from "../core/log.ts";
import type { Clock, Referrers } from "../core/ports.ts";
import type { Referrer } from "../core/referrer.ts";
import type { RegistryRequest, RegistryResponse } from "./exchange.ts";
import { linkToNext } from "./page.ts";
import * as respond from "./respond.ts";

export interface ReferrersTools {
  readonly referrers: Pick<Referrers, "list">;
  /** For so long an answer is given again without asking. */
  readonly warmMs: number;
  readonly now: Clock;
  readonly log: Log;
}

interface Listed {
  readonly at: number;
  readonly list: readonly Referrer[];
}

// What clients take of an index, and what it needs besides its descriptors.
const pageBytes = 4 * 1024 * 1024;
const frameBytes = 200;

/**
 * Makes the function that lists what refers to a digest, which is asked for with each pull by some clients, and fails
 * the pull where it fails. So lists are kept in memory, those without entries too, and given again when the store is
 * out of reach. [OCI distribution specification 1.1, "Listing Referrers"]
 */
export function createReferrersAnswer({ referrers, warmMs, now, log }: ReferrersTools) {
  const kept = new LRUCache<Digest, Listed>({
    maxSize: 32 * 1024 * 1024,
    sizeCalculation: ({ list }) => 200 + list.reduce((sum, each) => sum + sizeOf(each), 0),
  });

  async function listOf(digest: Digest): Promise<readonly Referrer[]> {
    const known = kept.get(digest);
    if (known !== undefined && now() - known.at < warmMs) return known.list;
    try {
      const list = await referrers.list(digest);
      kept.set(digest, { at: now(), list });
      return list;
    } catch (error) {
      if (known === undefined) throw error;
      log("WARNING", `what refers to ${digest} is told from memory: ${messageOf(error)}`);
      return known.list;
    }
  }

  return async (
    name: string,
    text: string,
    { query }: Pick<RegistryRequest, "query">,
  ): Promise<RegistryResponse> => {
    checkName(name);
    if (!isDigestSyntax(text)) {
      throw new RegistryError(400, "DIGEST_INVALID", `"${text}" is not a digest`);
    }
    const digest = parseDigest(text);
    const all = digest === undefined ? [] : await listOf(digest);
    const types = query.getAll("artifactType").filter((type) => type !== "");
    const chosen = types.length === 0 ? all : all.filter((each) => isOneOf(each, types));
    const after = query.get("last") ?? "";
    const rest = chosen.filter((each) => each.digest > after);
    const page = fitting(rest);
    const next = new URLSearchParams({ last: page.at(-1)?.digest ?? "" });
    for (const type of types) next.append("artifactType", type);
    return respond.index(mediaTypes.index, page, {
      ...(types.length > 0 && { "oci-filters-applied": "artifactType" }),
      ...(page.length < rest.length && linkToNext(`/v2/${name}/referrers/${text}`, next)),
    });
  };
}

/** The first descriptors, as many as an index may hold, and at least one. */
function fitting(descriptors: readonly Referrer[]): readonly Referrer[] {
  let bytes = frameBytes;
  const end = descriptors.findIndex((each, i) => {
    bytes += sizeOf(each);
    return i > 0 && bytes > pageBytes;
  });
  return end === -1 ? descriptors : descriptors.slice(0, end);
}

/** Bytes of a descriptor in an index, and the comma. */
function sizeOf(descriptor: Referrer): number {
  return Buffer.byteLength(JSON.stringify(descriptor)) + 1;
}

function isOneOf({ artifactType }: Referrer, types: readonly string[]): boolean {
  return artifactType !== undefined && types.includes(artifactType);
}
