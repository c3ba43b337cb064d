import type { BuildKey } from "../core/build-key.ts";
import type { BuildCache } from "../core/ports.ts";

/**
 * Settles a build as failed that no worker finishes, so that those who wait are told; the next pull starts it again.
 * False where a worker is at it after all, or it is settled.
 */
export async function giveUp(cache: BuildCache, key: BuildKey, message: string): Promise<boolean> {
  const claimed = await cache.claim(key, "maintenance", 60_000);
  if (claimed.state !== "mine") return false;
  const failure = { reason: "service", message, log: [] } as const;
  return await cache.settle(claimed.lease, { state: "failed", failure });
}
