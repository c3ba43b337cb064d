import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Agent } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { addressOf, ask, type Asker } from "../support/attack.ts";
import { startFramework } from "../support/framework.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { compare, median, target } from "./rounds.ts";
import { startWarmCloud } from "./warm-cloud.ts";
import { cpuSeconds, giveFirstCore } from "./wrk.ts";

// What do others notice who pull what is there while somebody asks one process of the function for ten thousand images
// that nobody made: from one address, from as many, with one account? Opponent: the same process when nobody does.
// The process has one core; the emulator, who attacks and who pulls have the other.

const names = 10_000;
const perSecond = 400;
const connections = 64;
const quota = "client=20/day; anonymous=40/day; all=60/day";

await using cloud = await startWarmCloud();
await using folder = await temporaryFolder();
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
await writeFile(join(folder.path, "tokens"), `mallory:${sha256("mallory")}\n`);
await writeFile(join(folder.path, "keys"), `${"k".repeat(40)}\n`);
const source = resolve(import.meta.dirname, "../../functions/index.ts");
const env = {
  ...cloud.env,
  FIRN_QUOTA: quota,
  FIRN_ACCESS: "anonymous=build, token:*=build",
  FIRN_TOKENS: join(folder.path, "tokens"),
  FIRN_TOKEN_KEYS: join(folder.path, "keys"),
  FIRN_HOLD_SECONDS: "1",
};
await using server = await startFramework(source, "registry", { env });
await giveFirstCore(server.pid);

const visitor: Asker = { address: "192.0.2.20" };
let round = 0;

/** Asks at a steady rate; gives how many were refused. */
async function attackSteadily(who: (i: number) => Asker): Promise<number> {
  round += 1;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const began = performance.now();
  const answers: Promise<number>[] = [];
  for (let i = 0; i < names; i++) {
    const early = began + (i / perSecond) * 1000 - performance.now();
    if (early > 1) await sleep(early);
    answers.push(ask(server.port, `cold${round}x${i}`, who(i), agent));
  }
  const refused = (await Promise.all(answers)).filter((status) => status === 429);
  agent.destroy();
  return refused.length;
}

/** Milliseconds that warm pulls take until the signal, one after the other. */
async function pullWarm(signal: AbortSignal): Promise<readonly number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const took: number[] = [];
  while (!signal.aborted) {
    const start = performance.now();
    const status = await ask(server.port, "hello", visitor, agent);
    if (status !== 200) throw new Error(`a warm pull was answered with ${status}`);
    took.push(performance.now() - start);
    await sleep(5);
  }
  agent.destroy();
  return took.toSorted((a, b) => a - b);
}

const shares: Record<string, number[]> = {};
const slowest: Record<string, number[]> = {};
const cpu: Record<string, number[]> = {};

async function measured(kind: string, who?: (i: number) => Asker): Promise<number> {
  const over = new AbortController();
  const pulling = pullWarm(over.signal);
  const before = cpuSeconds(server.pid);
  if (who === undefined) await sleep((names / perSecond) * 1000);
  else (shares[kind] ??= []).push((await attackSteadily(who)) / names);
  (cpu[kind] ??= []).push(cpuSeconds(server.pid) - before);
  over.abort();
  const took = await pulling;
  (slowest[kind] ??= []).push(took[Math.ceil(took.length * 0.99) - 1] ?? NaN);
  return median(took);
}

const account = (i: number): Asker => ({ address: addressOf(i), authorization: "Bearer mallory" });
const medians = await compare("ms, half of the warm pulls", 3, {
  "nobody attacks": () => measured("nobody attacks"),
  "one address": () => measured("one address", () => ({ address: "203.0.113.7" })),
  "ten thousand addresses": () =>
    measured("ten thousand addresses", (i) => ({ address: addressOf(i) })),
  "one account": () => measured("one account", account),
});
for (const [kind, all] of Object.entries(slowest)) {
  const busy = ((median(cpu[kind] ?? []) * perSecond) / names) * 100;
  console.log(
    `  ${kind}: 99 of 100 within ${median(all).toFixed(1)} ms, ${busy.toFixed(0)} % of a core`,
  );
}
const quiet = medians["nobody attacks"] ?? NaN;
const worst = Math.max(...Object.values(medians)) / quiet;
target(`at most 1.5 times as long (it was ${worst.toFixed(2)})`, worst <= 1.5);
const least = Math.min(...Object.values(shares).flat());
target(`all but the quota is refused (${(least * 100).toFixed(1)} %)`, least >= 0.99);
