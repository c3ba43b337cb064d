import { Worker } from "node:worker_threads";
import { once } from "node:events";
import type { LayerPlan } from "./layer-plan.ts";
import type { PlanMaterial } from "./learn-plan.ts";

/**
 * Learns a layer plan in a thread of its own: it takes seconds of CPU, and this one renews leases, and answers pulls
 * where registry and worker are one process.
 */
export async function learnApart(material: PlanMaterial, signal: AbortSignal): Promise<LayerPlan> {
  signal.throwIfAborted();
  const thread = new Worker(new URL("learn-thread.ts", import.meta.url), { workerData: material });
  try {
    const [plan] = (await once(thread, "message", { signal })) as [LayerPlan]; // learn-thread.ts
    return plan;
  } finally {
    await thread.terminate();
  }
}
