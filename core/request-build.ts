import { imageName } from "./image.ts";
import type { BuildCache, JobQueue } from "./ports.ts";
import type { BuildRequest, Lane, Requested } from "./record.ts";
import type { Log } from "./log.ts";
import { logEvent, type BuildBegunEvent } from "./log-event.ts";

export interface RequestTools {
  readonly cache: BuildCache;
  /** That of the lane which is asked in. */
  readonly queue: JobQueue;
  readonly log: Log;
}

/**
 * Asks for a build, and publishes its job where nobody else does; gives what it made of the record. Of each build that
 * begins a line says who asked for what, and why.
 */
export async function requestBuild(
  { cache, queue, log }: RequestTools,
  request: BuildRequest,
  lane: Lane,
  why: BuildBegunEvent["why"],
): Promise<Requested> {
  const requested = await cache.request(request, lane);
  const { outcome } = requested;
  if (outcome === "joined") return requested;
  const { key, image, pin, asker } = request;
  try {
    await queue.publish({ kind: "build", key });
  } catch (error) {
    // Without this the next pull would wait for a job that nobody has. One that was promoted is queued elsewhere.
    if (outcome === "created") await cache.withdraw(key);
    throw error;
  }
  const doing = lane === "prebuild" ? "prebuilding" : "building";
  const { who, address } = asker ?? {};
  const from = address === undefined ? "" : ` at ${address}`;
  const message = `${doing} ${imageName(image)}${who === undefined ? "" : ` for ${who}${from}`}`;
  const event = { event: "build-begun", why, lane } as const;
  logEvent(log, "INFO", message, event, { key, revision: pin.revision, who, address });
  return requested;
}
