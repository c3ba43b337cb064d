import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { eventually } from "./eventually.ts";

/** A function, running under the functions framework as published, as Google Cloud starts it. */
export interface FrameworkProcess extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  readonly url: string;
  /** All it printed. */
  readonly said: readonly string[];
  readonly exited: Promise<number | string>;
  kill(signal: NodeJS.Signals): void;
}

/** What starts the framework that is installed in a folder. */
export const frameworkIn = (folder: string) =>
  join(folder, "node_modules/@google-cloud/functions-framework/build/src/main.js");

const root = resolve(import.meta.dirname, "../..");

/** Starts the function `target` of a module; throws with what it said where it ends instead. */
export async function startFramework(
  source: string,
  target: string,
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly port?: number;
    readonly onLine?: (line: string) => void;
    /** The folder whose framework it is; the repository's, if not said. */
    readonly folder?: string;
  } = {},
): Promise<FrameworkProcess> {
  const { env, onLine } = options;
  const port = options.port ?? (await freePort());
  const inherited = Object.entries(process.env).filter(([name]) => !/^(?:FIRN_|CI$)/.test(name));
  const child = spawn(
    process.execPath,
    [
      frameworkIn(options.folder ?? root),
      `--source=${source}`,
      `--target=${target}`,
      `--port=${port}`,
    ],
    { env: { ...Object.fromEntries(inherited), ...env }, stdio: ["ignore", "pipe", "pipe"] },
  );
  return await follow(child, port, (said) => said.includes("Serving function..."), onLine);
}

/** Waits until a framework that was started listens; throws with what it said where it ends instead. */
export async function follow(
  child: ChildProcessByStdio<null, Readable, Readable>,
  port: number,
  listens: (said: readonly string[]) => boolean | Promise<boolean>,
  onLine?: (line: string) => void,
): Promise<FrameworkProcess> {
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      said.push(line);
      onLine?.(line);
    });
  }
  let ended = false;
  const exited = once(child, "exit").then(([code, signal]) => {
    ended = true;
    return (code ?? signal) as number | string; // one of both is set
  });
  const url = `http://127.0.0.1:${port}`;
  await eventually("the function listens", async () => {
    if (ended) throw new Error(`the functions framework ended:\n${said.join("\n")}`);
    return await listens(said);
  });
  return {
    pid: child.pid ?? 0,
    port,
    url,
    said,
    exited,
    kill: (signal) => void child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // it listens on a port
  server.close();
  await once(server, "close");
  return port;
}

/** A file of the fixtures. */
export function fixture(...path: readonly string[]): string {
  return join(import.meta.dirname, "../fixtures", ...path);
}
