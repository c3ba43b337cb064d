import { randomUUID } from "node:crypto";
import { manifestOf } from "../support/builds.ts";
import { newName, startLoop } from "./cloud-loop.ts";
import { compare, target } from "./rounds.ts";

// What does the whole loop cost on top of a build: GET that finds nothing, record, job, claim, settling, waking, 200?
// The build itself is nothing: a manifest made up on the spot.
// Opponent: a message from publisher to subscriber through the same emulator, and nothing else.

await using cloud = await startLoop(async ({ key }) => ({
  state: "ready",
  manifest: manifestOf(key),
}));
// The bare way: another topic, where taking a message is all that happens.
const arrivals = new Map<string, () => void>();
const bare = cloud.queueOf("prebuildJobs");
const stop = new AbortController();
const listening = bare.consume(
  4,
  async (job) => {
    if (job.kind === "pin") arrivals.get(job.pinId)?.();
    return { outcome: "acknowledge" };
  },
  stop.signal,
);

async function loop(): Promise<number> {
  const start = performance.now();
  await cloud.pull(newName());
  return performance.now() - start;
}

async function message(): Promise<number> {
  const id = JSON.stringify([randomUUID(), "", null]);
  const arrived = Promise.withResolvers<void>();
  arrivals.set(id, arrived.resolve);
  const start = performance.now();
  await bare.publish({ kind: "pin", pinId: id });
  await arrived.promise;
  return performance.now() - start;
}

for (let i = 0; i < 5; i++) await Promise.all([loop(), message()]);
const medians = await compare("ms", 31, { firn: loop, "Pub/Sub alone": message });
const over = (medians["firn"] ?? 0) - (medians["Pub/Sub alone"] ?? 0);
console.log(`  of that, firn's own part: ${over.toFixed(1)} ms`);
target("at most 60 ms at the median", (medians["firn"] ?? Infinity) <= 60);
stop.abort();
await listening;
