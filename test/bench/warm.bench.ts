import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { startFirn } from "../support/firn.ts";
import { compare, median, target } from "./rounds.ts";

// How fast is a pull of an image that was built before?
// Opponent: a bare node:http server that answers every request with the same bytes and headers.
// The server has one core and wrk the other.

const path = "/v2/hello/manifests/latest";

interface Load {
  readonly perSecond: number;
  readonly medianMs: number;
}

async function wrk(port: number, connections: number): Promise<Load> {
  const args = [
    "-c",
    "1",
    "wrk",
    "--latency",
    "-t1",
    `-c${connections}`,
    "-d4s",
    `http://127.0.0.1:${port}${path}`,
  ];
  const child = spawn("taskset", args, { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
  await once(child, "close");
  const perSecond = Number(/Requests\/sec:\s*([\d.]+)/.exec(said)?.[1]);
  const [, value = "", unit = ""] = /50%\s*([\d.]+)(us|ms|s)/.exec(said) ?? [];
  if (/Non-2xx/.test(said) || Number.isNaN(perSecond)) throw new Error(said);
  return {
    perSecond,
    medianMs: Number(value) * { us: 0.001, ms: 1, s: 1000 }[unit as "us" | "ms" | "s"],
  };
}

async function pin(pid: number): Promise<void> {
  await once(spawn("taskset", ["-a", "-p", "-c", "0", String(pid)], { stdio: "ignore" }), "close");
}

/** Seconds of CPU that a process has used. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

await using firn = await startFirn({ env: { FIRN_LOG_LEVEL: "info" } });
const first = await firn.manifest("hello");
const body = await first.text();
await pin(firn.pid);

const headers = JSON.stringify(Object.fromEntries(first.headers));
const script = `require("node:http").createServer((q, r) => { r.writeHead(200, ${headers}); r.end(body); })
  .listen(0, "127.0.0.1", function () { console.log(this.address().port); }); const body = Buffer.from(${JSON.stringify(body)});`;
const bare = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
const [announced] = (await once(bare.stdout, "data")) as [Buffer];
const barePort = Number(String(announced));
await pin(bare.pid ?? 0);

try {
  const latencies: number[] = [];
  const costs = { firn: [] as number[], bare: [] as number[] };
  const load = async (port: number, pid: number, cost: number[]) => {
    const before = cpuSeconds(pid);
    const { perSecond } = await wrk(port, 16);
    cost.push(((cpuSeconds(pid) - before) / (perSecond * 4)) * 1e6);
    return perSecond;
  };
  const medians = await compare("requests/s", 5, {
    firn: async () => await load(firn.port, firn.pid, costs.firn),
    "node:http": async () => await load(barePort, bare.pid ?? 0, costs.bare),
  });
  for (let i = 0; i < 3; i++) latencies.push((await wrk(firn.port, 1)).medianMs);
  console.log(
    `  CPU: firn ${median(costs.firn).toFixed(0)} us a request, node:http ${median(costs.bare).toFixed(0)} us`,
  );
  console.log(
    `  one client at a time: median ${median(latencies).toFixed(2)} ms (${latencies.join(" ")})`,
  );
  target("under 2 ms at the median", median(latencies) < 2);
  target("5,000 a second on one core", (medians["firn"] ?? 0) >= 5000);
} finally {
  bare.kill();
}
