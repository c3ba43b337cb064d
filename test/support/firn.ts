import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { BuildRecord } from "../../core/record.ts";
import { eventually } from "./eventually.ts";
import { fixturePackageSet } from "./package-set.ts";
import { descendantsOf, killAll, processes } from "./processes.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export interface FirnOptions {
  /** Kept by whoever made it; left out, the data folder is a temporary one. */
  readonly data?: string;
  readonly packageSet?: string;
  /** Further settings, and what else should be in its environment; undefined takes a variable out. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Whether it leads a process group of its own, as it would in a terminal. */
  readonly inOwnGroup?: boolean;
}

export interface LogLine {
  readonly severity: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** What a process said and how it ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What /status says of a build. */
export interface BuildStatus {
  readonly key: string;
  readonly image: string;
  readonly state: BuildRecord["state"];
  readonly attempt: number;
  readonly progress?: { readonly phase: string; readonly message: string };
  readonly digest?: string;
  readonly failure?: {
    readonly reason: string;
    readonly message: string;
    readonly log?: readonly string[];
  };
}

/** The registry, running as people run it. */
export interface Firn extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  /** `localhost:8080`, as it stands before the name of an image. */
  readonly host: string;
  readonly data: string;
  readonly revision: string;
  readonly log: readonly LogLine[];
  readonly exited: Promise<Exit>;
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** The manifest's response, redirects not followed. */
  manifest(name: string, reference?: string, init?: RequestInit): Promise<Response>;
  builds(): Promise<readonly BuildStatus[]>;
  /** The one build of an image, named without its platform; undefined where nobody asked for it. */
  build(name: string): Promise<BuildStatus | undefined>;
  /** Ctrl-C. */
  stop(): Promise<Exit>;
  /** kill -9, the process alone: what it had started goes on by itself. */
  kill(): Promise<Exit>;
}

const start = resolve(import.meta.dirname, "../../infra/local/start.ts");
const children = new Set<ChildProcess>();

process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** Starts the registry and waits until it is ready; throws with its log where it ends instead. */
export async function startFirn(options: FirnOptions = {}): Promise<Firn> {
  const folder = await temporaryFolder();
  const data = options.data ?? join(folder.path, "data");
  const log: LogLine[] = [];
  const unread: string[] = [];
  const child = spawnFirn({ ...options, data });
  const exited = exitOf(child);
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) throw new Error("firn was started without pipes");
    createInterface({ input: stream }).on("line", (line) => {
      const read = parse(line);
      if (read === undefined) unread.push(line);
      else log.push(read);
    });
  }
  let exit: Exit | undefined;
  void exited.then((how) => (exit = how));
  const dispose = async (): Promise<void> => {
    const started = child.pid === undefined ? [] : descendantsOf(child.pid);
    if (exit === undefined) child.kill("SIGINT");
    await eventually("firn stops", () => exit !== undefined, 10_000).catch(() => {
      child.kill("SIGKILL");
    });
    await exited;
    // A firn that was killed leaves its Nix behind, and that its builder.
    const orphans = processes().filter(({ command }) => command.includes(data));
    killAll([...started, ...orphans, ...orphans.flatMap(({ pid }) => descendantsOf(pid))]);
    await folder[Symbol.asyncDispose]();
  };
  try {
    const ready = await eventually(
      "firn is ready",
      () => {
        if (exit !== undefined) {
          throw new Error(`firn ended with ${exit.code ?? exit.signal}`);
        }
        return log.find(({ message }) => message === "ready");
      },
      180_000,
    );
    return running(child, ready, { data, log, exited, dispose });
  } catch (error) {
    await dispose();
    const said = [...log.map(({ message }) => message), ...unread].join("\n");
    throw new Error(`firn did not get ready, and said:\n${said}`, { cause: error });
  }
}

/** Starts it where it is expected to end by itself, and gives all that it said as text. */
export async function runFirn(
  options: FirnOptions & {
    /** Ctrl-C comes with it. */
    readonly interruptOn?: Promise<unknown>;
  },
): Promise<Exit & { readonly said: string }> {
  const child = spawnFirn({
    ...options,
    env: { FIRN_LOG: "text", FIRN_LOG_LEVEL: "info", ...options.env },
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => (said += text));
  }
  void options.interruptOn?.then(() => child.kill("SIGINT"));
  const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
  const exit = await exitOf(child);
  clearTimeout(timer);
  return { ...exit, said };
}

function running(
  child: ChildProcess,
  ready: LogLine,
  parts: {
    readonly data: string;
    readonly log: readonly LogLine[];
    readonly exited: Promise<Exit>;
    readonly dispose: () => Promise<void>;
  },
): Firn {
  const { data, log, exited, dispose } = parts;
  const port = Number(ready["port"]);
  const host = `localhost:${port}`;
  const visit = async (path: string, init: RequestInit = {}) =>
    await fetch(`http://${host}${path}`, { redirect: "manual", ...init });
  const builds = async (): Promise<readonly BuildStatus[]> => {
    const answer = (await (await visit("/status")).json()) as { builds: BuildStatus[] }; // functions/status.ts
    return answer.builds;
  };
  return {
    pid: child.pid ?? 0,
    port,
    host,
    data,
    revision: String(ready["revision"]),
    log,
    exited,
    fetch: visit,
    manifest: async (name, reference = "latest", init = {}) =>
      await visit(`/v2/${name}/manifests/${reference}`, init),
    builds,
    build: async (name) => {
      const all = await builds();
      return all.find(({ image }) => image.replace(/^(?:amd64|arm64)\//, "") === name);
    },
    stop: async () => {
      child.kill("SIGINT");
      return await exited;
    },
    kill: async () => {
      child.kill("SIGKILL");
      return await exited;
    },
    [Symbol.asyncDispose]: dispose,
  };
}

function spawnFirn(options: FirnOptions): ChildProcess {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("FIRN_"));
  const env = {
    ...Object.fromEntries(inherited),
    FIRN_LOG: "json",
    FIRN_LOG_LEVEL: "debug",
    FIRN_PORT: "0",
    FIRN_PACKAGE_SET: options.packageSet ?? fixturePackageSet,
    // The fixture's builders use the machine's /bin/sh, and nobody else has their packages.
    FIRN_NIX_CONFIG: "sandbox = false; substituters =",
    ...(options.data === undefined ? {} : { FIRN_DATA: options.data }),
    ...options.env,
  };
  const child = spawn(process.execPath, [start], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: options.inOwnGroup ?? false,
  });
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

async function exitOf(child: ChildProcess): Promise<Exit> {
  await once(child, "exit");
  return { code: child.exitCode, signal: child.signalCode };
}

function parse(line: string): LogLine | undefined {
  try {
    return JSON.parse(line) as LogLine; // infra/local/log.ts
  } catch {
    return undefined; // what Node itself says is text
  }
}
