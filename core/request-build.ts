import { imageName } from "./image.ts";
import type { BuildCache, JobQueue } from "./ports.ts";
import type { BuildRecord, BuildRequest, Lane } from "./record.ts";
import type { Log } from "./log.ts";

export interface RequestTools {
  readonly cache: BuildCache;
  /** That of the lane which is asked in. */
  readonly queue: JobQueue;
  readonly log: Log;
}

/** Asks for a build, and publishes its job where nobody else does; gives the record as it is then. */
export async function requestBuild(
  { cache, queue, log }: RequestTools,
  request: BuildRequest,
  lane: Lane,
): Promise<BuildRecord> {
  const { outcome, record } = await cache.request(request, lane);
  if (outcome === "joined") return record;
  const { key, image, pin } = request;
  try {
    await queue.publish({ kind: "build", key });
  } catch (error) {
    // Without this the next pull would wait for a job that nobody has. One that was promoted is queued elsewhere.
    if (outcome === "created") await cache.withdraw(key);
    throw error;
  }
  const doing = lane === "prebuild" ? "prebuilding" : "building";
  log("INFO", `${doing} ${imageName(image)}`, { key, revision: pin.revision });
  return record;
}
