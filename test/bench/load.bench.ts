import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { askSteadily, holdPulls, probe } from "./load-client.ts";
import { compare, median, target } from "./rounds.ts";
import { giveFirstCore } from "./wrk.ts";

// Do pulls of what is there stay quick while two thousand others wait for builds, and in how much memory?
// Opponent: a bare node:http server that keeps as many responses open and answers the rest with the same bytes.
// The server has one core; who asks five thousand times a second, and the probe beside it, have the other.

const held = 2000;
const perSecond = 5000;
// Longer than who waits looks after a build that nobody works on.
const seconds = 18;

// What V8 allows itself on an instance of 512 MiB, where it sees that limit; with more it collects later.
const heap = "--max-old-space-size=256";

const self = fileURLToPath(import.meta.url);
const memories: Record<string, number[]> = { firn: [], node: [] };
const rates: Record<string, number[]> = { firn: [], node: [] };
const medians: Record<string, number[]> = { firn: [], node: [] };

async function round(kind: "firn" | "node"): Promise<number> {
  const server = join(import.meta.dirname, "load-server.ts");
  const child = spawn(process.execPath, [heap, server, kind], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [announced] = (await once(child.stdout, "data")) as [Buffer];
    const port = Number(String(announced));
    const pid = child.pid ?? 0;
    await giveFirstCore(pid);
    const pulls = await holdPulls(port, held);
    const over = new AbortController();
    const probing = probe(port, over.signal);
    const answered = await steadily(port);
    over.abort();
    const took = (await probing).toSorted((a, b) => a - b);
    const open = pulls.filter((socket) => socket.readyState === "open" && socket.bytesRead === 0);
    if (open.length < held) throw new Error(`${kind} holds ${open.length} pulls of ${held}`);
    rates[kind]?.push(answered / seconds);
    memories[kind]?.push(megabytes(pid));
    medians[kind]?.push(median(took));
    for (const socket of pulls) socket.destroy();
    return took[Math.ceil(took.length * 0.99) - 1] ?? NaN;
  } finally {
    child.kill("SIGKILL");
    await once(child, "close");
  }
}

/** Asks from a process of its own, on the other core. */
async function steadily(port: number): Promise<number> {
  const args = ["-c", "1", process.execPath, self, String(port)];
  const child = spawn("taskset", args, { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (text: Buffer) => (said += text.toString()));
  await once(child, "close");
  return Number(said);
}

/** The most memory that a process has had. */
function megabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmHWM:\s*(\d+) kB/.exec(status)?.[1]) / 1024;
}

const [, , asking] = process.argv;
if (asking !== undefined) {
  console.log(await askSteadily(Number(asking), perSecond, seconds));
} else {
  const p99 = await compare("ms at the 99th percentile of the probe", 3, {
    firn: () => round("firn"),
    "node:http": () => round("node"),
  });
  const rate = median(rates["firn"] ?? []);
  console.log(
    `  beside the probe: firn ${rate.toFixed(0)} requests/s, node:http ${median(rates["node"] ?? []).toFixed(0)}, of ${perSecond} that were to be asked`,
  );
  const memory = median(memories["firn"] ?? []);
  console.log(
    `  half of the probes: firn ${median(medians["firn"] ?? []).toFixed(2)} ms, node:http ${median(medians["node"] ?? []).toFixed(2)} ms`,
  );
  console.log(
    `  at the most: firn ${memory.toFixed(0)} MB, node:http ${median(memories["node"] ?? []).toFixed(0)} MB`,
  );
  const firn = p99["firn"] ?? NaN;
  target(`under 20 ms at the 99th percentile (it was ${firn.toFixed(1)})`, firn < 20);
  target(`all that was asked was answered (${rate.toFixed(0)} a second)`, rate > perSecond * 0.98);
  target(`under 300 MB (it was ${memory.toFixed(0)})`, memory < 300);
}
