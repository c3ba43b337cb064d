import { createLocalBuildCache } from "../../core/local/build-cache.ts";
import { openDatabase } from "../../core/local/database.ts";
import { createLocalPins } from "../../core/local/pins.ts";
import { createLocalPlans } from "../../core/local/plans.ts";
import { createLocalPulls } from "../../core/local/pulls.ts";
import type { Job, JobQueue } from "../../core/ports.ts";
import type { Lane, Settlement } from "../../core/record.ts";
import type { BuildKey } from "../../core/build-key.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** Real local adapters under a clock of the test's, and queues that nobody takes from. */
export async function stores() {
  const folder = await temporaryFolder();
  const database = openDatabase(folder.path);
  let time = 1_000_000_000;
  const now = () => time;
  const published: Record<Lane | "pin", Job[]> = { pull: [], prebuild: [], pin: [] };
  const queueOf = (lane: Lane | "pin"): JobQueue => ({
    publish: async (job) => void published[lane].push(job),
    consume: () => Promise.reject(new Error("this test takes no jobs")),
  });
  const log: string[] = [];
  const cache = createLocalBuildCache(database, now);
  return {
    cache,
    pins: createLocalPins(database),
    plans: createLocalPlans(database),
    pulls: createLocalPulls(database),
    queues: { pull: queueOf("pull"), prebuild: queueOf("prebuild"), pin: queueOf("pin") },
    published,
    log,
    write: (severity: string, message: string) => void log.push(`${severity} ${message}`),
    now,
    advance: (ms: number) => void (time += ms),
    /** Does what a worker does, at once. */
    async settle(key: BuildKey, settlement: Settlement): Promise<void> {
      const claimed = await cache.claim(key, "worker", 60_000);
      if (claimed.state !== "mine")
        throw new Error(`${key} could not be claimed: ${claimed.state}`);
      await cache.settle(claimed.lease, settlement);
    },
    async [Symbol.asyncDispose]() {
      database[Symbol.dispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
