import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";

const seconds = 4;

/** What one server did under load, with a core of its own. */
export interface Load {
  readonly perSecond: number;
  readonly medianMs: number;
  /** Microseconds of CPU that the server spent on a request. */
  readonly cpuMicros: number;
}

/** Asks for one URL again and again for some seconds, from the other core. */
export async function load(
  url: string,
  pid: number,
  connections: number,
  headers: Readonly<Record<string, string>> = {},
): Promise<Load> {
  const before = cpuSeconds(pid);
  const lines = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const options = ["--latency", "-t1", `-c${connections}`, `-d${seconds}s`, ...lines, url];
  const child = spawn("taskset", ["-c", "1", "wrk", ...options], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
  await once(child, "close");
  const perSecond = Number(/Requests\/sec:\s*([\d.]+)/.exec(said)?.[1]);
  const [, value = "", unit = ""] = /50%\s*([\d.]+)(us|ms|s)/.exec(said) ?? [];
  if (/Non-2xx/.test(said) || Number.isNaN(perSecond)) throw new Error(said);
  const medianMs = Number(value) * { us: 0.001, ms: 1, s: 1000 }[unit as "us" | "ms" | "s"];
  const cpuMicros = ((cpuSeconds(pid) - before) / (perSecond * seconds)) * 1e6;
  return { perSecond, medianMs, cpuMicros };
}

/** Gives a process the first core, which nothing of the load uses. */
export async function giveFirstCore(pid: number): Promise<void> {
  await once(spawn("taskset", ["-a", "-p", "-c", "0", String(pid)], { stdio: "ignore" }), "close");
}

/** Starts a server of `node:http` on the first core that gives every request the same answer. */
export async function startBare(response: Response) {
  const body = Buffer.from(await response.arrayBuffer()).toString("base64");
  const headers = JSON.stringify(Object.fromEntries(response.headers));
  const script = `const body = Buffer.from("${body}", "base64");
    require("node:http").createServer((q, r) => { r.writeHead(200, ${headers}); r.end(body); })
      .listen(0, "127.0.0.1", function () { console.log(this.address().port); });`;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  const [announced] = (await once(child.stdout, "data")) as [Buffer];
  const pid = child.pid ?? 0;
  await giveFirstCore(pid);
  return {
    pid,
    port: Number(String(announced)),
    [Symbol.dispose]: () => void child.kill(),
  };
}

/** Seconds of CPU that a process has used. */
export function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
