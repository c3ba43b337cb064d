import { manifestOf } from "../support/builds.ts";
import { newName, startLoop } from "./cloud-loop.ts";
import { target } from "./rounds.ts";

// How long do a thousand pulls that wait for one image wait on, once it is built?
// Opponent: settling itself, which is the first thing that happens then and has no part in waking.

const pulls = 1000;
let ended = 0;
let mayEnd = Promise.withResolvers<void>();
await using cloud = await startLoop(async ({ key }) => {
  await mayEnd.promise;
  ended = performance.now();
  return { state: "ready", manifest: manifestOf(key) };
});

const rounds: number[] = [];
for (let round = 0; round < 5; round++) {
  mayEnd = Promise.withResolvers<void>();
  const name = newName();
  const answeredAt: number[] = [];
  const waiting = Array.from({ length: pulls }, async () => {
    await cloud.pull(name);
    answeredAt.push(performance.now());
  });
  setTimeout(() => mayEnd.resolve(), 1500);
  await Promise.all(waiting);
  const late = answeredAt.map((at) => at - ended).toSorted((a, b) => a - b);
  const [median, p99] = [late[pulls / 2], late[Math.ceil(pulls * 0.99) - 1] ?? NaN];
  rounds.push(p99);
  console.log(
    `  from the end of the build: median ${median?.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
  );
}
const middle = rounds.toSorted((a, b) => a - b)[2] ?? NaN;
target(`under 100 ms at the 99th percentile (it was ${middle.toFixed(1)})`, middle < 100);
