import { LRUCache } from "lru-cache";
import type { Digest } from "../core/digest.ts";
import { messageOf } from "../core/log.ts";
import type { BlobStore } from "../core/ports.ts";
import { type LayerPlan, parsePlan } from "./layer-plan.ts";

/** A plan that a pin names and nobody can read any more. */
export class PlanLost extends Error {
  override readonly name = "PlanLost";
}

// That of a hundred thousand packages takes about 250 kB.
const limitBytes = 64 * 1024 * 1024;
// Those of two platforms, before and after a pin moved.
const plansKept = 4;

/**
 * Makes the function that reads layer plans by the digests of their bytes, each once. It rejects with `PlanLost` where
 * the bytes are gone or are others, and with the store's error where that does not answer.
 */
export function createPlanReader(
  blobs: Pick<BlobStore, "read">,
): (digest: Digest) => Promise<LayerPlan> {
  const plans = new LRUCache<Digest, LayerPlan>({ max: plansKept });

  return async (digest) => {
    const known = plans.get(digest);
    if (known !== undefined) return known;
    const bytes = await blobs.read(digest, limitBytes);
    if (bytes === undefined) {
      throw new PlanLost(`the layer plan ${digest} is lost, or damaged: it is made anew`);
    }
    const plan = parseStored(bytes, digest);
    plans.set(digest, plan);
    return plan;
  };
}

function parseStored(bytes: Uint8Array, digest: Digest): LayerPlan {
  try {
    return parsePlan(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new PlanLost(`the layer plan ${digest} is not for this worker: ${messageOf(cause)}`, {
      cause,
    });
  }
}
