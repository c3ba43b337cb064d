import type { BuildKey } from "../core/build-key.ts";
import type { BuildCache, JobQueue } from "../core/ports.ts";
import { isSettled, type SettledRecord } from "../core/record.ts";
import { messageOf, type Log } from "../core/log.ts";
import { waitingTogether } from "./together.ts";
import { until } from "./until.ts";

/** Waits for builds to settle: one watch a build, however many pulls wait for it. */
export interface Waiting {
  /**
   * Watches a build until it is disposed. To be called once the build was requested: before, the record may be the
   * failure of an earlier attempt. Nothing is missed, since a watch begins with the record as it is.
   */
  join(key: BuildKey): Wait;
}

export interface Wait extends Disposable {
  /** The settled record; undefined when the signal came first. */
  settled(signal: AbortSignal): Promise<SettledRecord | undefined>;
}

// A message that was lost, or whose worker died, is published again by whoever waits.
const unheardMs = 15_000;

export function createWaiting(cache: BuildCache, queue: JobQueue, log: Log): Waiting {
  const join = waitingTogether<SettledRecord>();

  async function untilSettled(key: BuildKey, signal: AbortSignal): Promise<SettledRecord> {
    for await (const record of cache.watch(key, signal)) {
      if (record !== undefined && isSettled(record)) return record;
    }
    throw new Error(`nobody waits for build ${key} any more`);
  }

  async function publishAgain(key: BuildKey): Promise<void> {
    try {
      if (!(await cache.republish(key, unheardMs))) return;
      log("WARNING", "published a job again that nobody works on", { key });
      await queue.publish({ kind: "build", key });
    } catch (error) {
      // The next round tries again; the pull itself goes on waiting.
      log("ERROR", `could not look after build ${key}: ${messageOf(error)}`, { key });
    }
  }

  async function begin(key: BuildKey, stop: AbortSignal): Promise<SettledRecord> {
    const repair = setInterval(() => void publishAgain(key), unheardMs);
    try {
      return await untilSettled(key, stop);
    } finally {
      clearInterval(repair);
    }
  }

  return {
    join(key) {
      const joined = join(key, (stop) => begin(key, stop));
      return {
        settled: (signal) => until(joined.result, signal),
        [Symbol.dispose]: () => joined[Symbol.dispose](),
      };
    },
  };
}
