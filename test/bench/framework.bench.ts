import { join } from "node:path";
import { startFramework } from "../support/framework.ts";
import { compare, target } from "./rounds.ts";
import { startWarmCloud, warmPath } from "./warm-cloud.ts";
import { giveFirstCore, load, startBare } from "./wrk.ts";

// What does a warm request cost under the functions framework, as published?
// Opponent: a bare node:http server that answers every request with the same bytes and headers.

const source = join(import.meta.dirname, "../../functions/index.ts");
await using cloud = await startWarmCloud();
await using registry = await startFramework(source, "registry", { env: cloud.env });
const url = `http://127.0.0.1:${registry.port}${warmPath}`;
using bare = await startBare(await fetch(url));
await giveFirstCore(registry.pid);

const medians = await compare("us of CPU a request", 5, {
  "firn under the framework": async () => (await load(url, registry.pid, 64)).cpuMicros,
  "node:http": async () => (await load(`http://127.0.0.1:${bare.port}/`, bare.pid, 64)).cpuMicros,
});
const ratio = (medians["firn under the framework"] ?? NaN) / (medians["node:http"] ?? NaN);
target(`at most 1.3 times node:http (it was ${ratio.toFixed(2)})`, ratio <= 1.3);
