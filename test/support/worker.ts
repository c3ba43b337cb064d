import { spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { eventually } from "./eventually.ts";
import type { LogLine } from "./firn.ts";
import { descendantsOf, killAll } from "./processes.ts";

/** The worker, running as it is deployed. */
export interface WorkerProcess extends AsyncDisposable {
  readonly pid: number;
  readonly log: readonly LogLine[];
  readonly exited: Promise<number | string>;
  kill(signal: NodeJS.Signals): void;
}

const program = resolve(import.meta.dirname, "../../worker/index.ts");

/** Starts a worker and waits until it takes jobs; throws with its log where it ends instead. */
export async function startWorker({
  env,
  onLine,
}: {
  readonly env: Readonly<Record<string, string>>;
  readonly onLine?: (line: string) => void;
}): Promise<WorkerProcess> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("FIRN_"));
  const child = spawn(process.execPath, [program], {
    env: { ...Object.fromEntries(inherited), FIRN_LOG_LEVEL: "debug", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const log: LogLine[] = [];
  const unread: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      onLine?.(line);
      try {
        log.push(JSON.parse(line) as LogLine); // core/local/log.ts
      } catch {
        unread.push(line); // what Node itself says is text
      }
    });
  }
  let ended = false;
  const exited = once(child, "exit").then(([code, signal]) => {
    ended = true;
    return (code ?? signal) as number | string; // one of both is set
  });
  const dispose = async (): Promise<void> => {
    const started = child.pid === undefined ? [] : descendantsOf(child.pid);
    child.kill("SIGKILL");
    await exited;
    killAll(started);
  };
  try {
    await eventually(
      "the worker is ready",
      () => {
        if (ended) throw new Error("the worker ended");
        return log.some(({ message }) => message === "ready");
      },
      60_000,
    );
  } catch (error) {
    await dispose();
    const said = [...log.map(({ message }) => message), ...unread].join("\n");
    throw new Error(`the worker did not get ready, and said:\n${said}`, { cause: error });
  }
  return {
    pid: child.pid ?? 0,
    log,
    exited,
    kill: (signal) => void child.kill(signal),
    [Symbol.asyncDispose]: dispose,
  };
}
