import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "./eventually.ts";
import { program, type Ended } from "./program.ts";

/** A client, asked as on a command line; an exit code other than 0 is an answer. */
export type Client = (...args: readonly string[]) => Promise<Ended>;

/** A daemon of Docker with everything it keeps in a folder of its own. */
export interface DockerDaemon extends AsyncDisposable {
  readonly docker: Client;
}

const startMs = 60_000;
const stopMs = 20_000;

/** Starts a daemon in `folder`, which is made; the reason where it cannot run on this machine. */
export async function startDockerDaemon(folder: string): Promise<DockerDaemon | string> {
  await mkdir(folder);
  const socket = `unix://${join(folder, "docker.sock")}`;
  const options = [
    ["--data-root", join(folder, "data")],
    ["--exec-root", join(folder, "exec")],
    ["--pidfile", join(folder, "pid")],
    ["--host", socket],
    ["--bridge=none", "--iptables=false", "--ip6tables=false"],
  ];
  const path = `${process.env["PATH"]}:/usr/sbin:/sbin`;
  const child = spawn("dockerd", options.flat(), {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PATH: path },
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (said += text));
  }
  let isOver = false;
  const over = new Promise<void>((done) => {
    child.once("close", () => {
      isOver = true;
      done();
    });
  });
  const docker: Client = async (...args) =>
    await program("docker", ["--host", socket, ...args], { mayFail: true, timeoutMs: 240_000 });
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    const forced = setTimeout(() => child.kill("SIGKILL"), stopMs);
    await over;
    clearTimeout(forced);
  };
  try {
    await eventually(
      "dockerd answers",
      async () => {
        if (isOver) throw new Error("dockerd ended");
        const info = await docker("info", "--format", "{{.ServerVersion}}");
        return info.exitCode === 0 && /^\d/.test(info.stdout);
      },
      startMs,
    );
  } catch {
    await stop();
    return `dockerd cannot run here: ${said.trim().split("\n").slice(-3).join("; ")}`;
  }
  return { docker, [Symbol.asyncDispose]: stop };
}
