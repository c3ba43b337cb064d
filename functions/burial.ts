import { parseBuildKey } from "../core/build-key.ts";
import type { BuildCache, Job } from "../core/ports.ts";
import type { Log, LogFields } from "../core/log.ts";
import { logEvent } from "../core/log-event.ts";
import { giveUp } from "./give-up.ts";

/**
 * Makes the function that ends jobs which were delivered too often: those who wait for the build are told, and the
 * next pull starts it again. A pin that could not be looked up needs nothing, nor a
 * plan that could not be learned: whoever wants it asks again.
 */
export function createBurial({ cache, log }: { readonly cache: BuildCache; readonly log: Log }) {
  const say = (message: string, about: LogFields): void =>
    logEvent(log, "ERROR", message, { event: "dead-letter", cause: "delivered-too-often" }, about);

  return async (job: Job): Promise<void> => {
    if (job.kind === "pin") {
      say("a look-up of where the package set stands was delivered too often", { job });
      return;
    }
    if (job.kind === "plan") {
      say("a job to learn a layer plan was delivered too often", { job });
      return;
    }
    const key = parseBuildKey(job.key);
    if (key === undefined) return;
    const message =
      "every worker that took this build failed before its end: pull again, or ask whoever runs this registry";
    if (await giveUp(cache, key, message)) say(`gave up a build: ${message}`, { key });
  };
}
