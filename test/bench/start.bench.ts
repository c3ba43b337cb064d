import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bundleCacheIn, installBundle } from "../support/bundle.ts";
import { startFramework } from "../support/framework.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { compare, median, target } from "./rounds.ts";
import { startWarmCloud, warmPath } from "./warm-cloud.ts";

// How long from the start of the process to the first manifest of an image that was built before, as it is deployed?
// Opponent: the same with all three clients of Google Cloud imported at the start. The sources are what
// `npm run cloud:local` starts, and the framework with a function that only ends the response is what nobody can beat.

await using folder = await temporaryFolder();
await using cloud = await startWarmCloud();
const [lazy, eager] = [join(folder.path, "lazy"), join(folder.path, "eager")];
await installBundle(lazy);
await installBundle(eager, "test/bench/eager.ts");
const bare = join(lazy, "bare.js");
await writeFile(
  bare,
  `import { http } from "@google-cloud/functions-framework";
http("registry", (_request, response) => response.end("nothing"));`,
);
const sources = join(import.meta.dirname, "../../functions/index.ts");

const cpu = new Map<string, number[]>();

async function firstManifest(name: string, source: string, bundle?: string): Promise<number> {
  const env = { ...cloud.env, ...(bundle !== undefined && bundleCacheIn(bundle)) };
  const start = performance.now();
  await using registry = await startFramework(source, "registry", {
    env,
    ...(bundle !== undefined && { folder: bundle }),
  });
  const response = await fetch(registry.url + warmPath);
  await response.arrayBuffer();
  const took = performance.now() - start;
  if (response.status !== 200) throw new Error(`it was answered with ${response.status}`);
  cpu.set(name, [...(cpu.get(name) ?? []), await cpuMs(registry.pid)]);
  return took;
}

/** What the threads of a process have computed so far. */
async function cpuMs(pid: number): Promise<number> {
  const threads = (await readdir(`/proc/${pid}/task`)).map(async (thread) => {
    const [nanoseconds] = (await readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8")).split(
      " ",
    );
    return Number(nanoseconds) / 1e6;
  });
  return (await Promise.all(threads)).reduce((sum, each) => sum + each, 0);
}

const contenders: Readonly<Record<string, readonly [source: string, bundle?: string]>> = {
  "firn, bundled": [join(lazy, "index.js"), lazy],
  "bundled, all clients at once": [join(eager, "index.js"), eager],
  "firn, from its sources": [sources],
  "the framework alone": [bare, lazy],
};
const medians = await compare(
  "ms",
  9,
  Object.fromEntries(
    Object.entries(contenders).map(([name, [source, bundle]]) => [
      name,
      async () => await firstManifest(name, source, bundle),
    ]),
  ),
);
const cpuOf = (name: string) => median(cpu.get(name) ?? []);
for (const name of Object.keys(contenders)) {
  console.log(`  ${name}: median ${cpuOf(name).toFixed(1)} ms of CPU`);
}
const ratio = (of: (name: string) => number) =>
  of("firn, bundled") / of("bundled, all clients at once");
const wall = ratio((name) => medians[name] ?? NaN);
const computed = ratio(cpuOf);
const floor = cpuOf("the framework alone") / cpuOf("bundled, all clients at once");
console.log(`  the framework alone is ${floor.toFixed(2)} of all clients at once, of CPU`);
target(
  `at most half of all clients at once (it was ${wall.toFixed(2)}, of CPU ${computed.toFixed(2)})`,
  wall <= 0.5,
);
