import { mkdtemp, readlink, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Log } from "../core/log.ts";
import type { Command, Run } from "./run.ts";
import { openWayOut } from "./way-out.ts";

/** Which network a confined program has: none, or the one way out that leads past metadata servers. */
export type Network = "none" | "way-out";

export type Confined = Pick<Command, "file" | "args" | "env">;

/** The command that runs a program kept from the rest of the machine; undefined where it is to run as it is. */
export type Confine = (
  network: Network,
  file: string,
  args: readonly string[],
) => Promise<Confined | undefined>;

/** Where programs run that are a package set's rather than firn's. */
export interface Cell extends AsyncDisposable {
  /** The command that runs a program in there. */
  enter(network: Network, file: string, args: readonly string[]): Promise<Confined>;
}

export interface CellTools {
  readonly run: Run;
  readonly log: Log;
  readonly isRoot: boolean;
  readonly exempt: ReadonlySet<string>;
}

interface Inside {
  readonly pid: number;
  readonly port: number;
}

const forwarder = join(import.meta.dirname, "forwarder.ts");
const probeMs = 10_000;

/**
 * Opens a network that has nothing in it but a way out. Each program enters it with its own view of processes, so that it
 * sees none but its own, and none of them outlives it, however it was started. Rejects where the kernel does not allow
 * that, with why.
 */
export async function openCell(tools: CellTools, signal: AbortSignal): Promise<Cell> {
  const { run, isRoot } = tools;
  await using opened = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "firn-cell-"));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const socket = join(folder, "way-out");
  opened.use(await openWayOut({ ...tools, socket }));
  const closing = new AbortController();
  opened.defer(() => closing.abort());
  let inside: Promise<Inside> | undefined;

  /** Starts what keeps the network there and is its way out. */
  async function start(): Promise<Inside> {
    const started = Promise.withResolvers<Inside>();
    const ended = run({
      file: "unshare",
      args: [
        ...(isRoot ? [] : ["--user", "--map-root-user"]),
        "--net",
        "--",
        "sh",
        "-c",
        'ip link set lo up && exec "$@"',
        "cell",
        process.execPath,
        forwarder,
        socket,
      ],
      input: untilAborted(closing.signal),
      onOutputLine: (line) => started.resolve(JSON.parse(line) as Inside), // forwarder.ts
      signal: closing.signal,
    });
    // Whoever comes next starts it again.
    ended.then(
      () => ((inside = undefined), started.reject(new Error("it ended"))),
      (error: unknown) => ((inside = undefined), started.reject(error)),
    );
    return await started.promise;
  }

  async function enter(network: Network, file: string, args: readonly string[]): Promise<Confined> {
    const { pid, port } = await (inside ??= start());
    const proxy = `http://127.0.0.1:${port}`;
    return {
      file: "sh",
      args: ["-c", outer(pid, isRoot), inner(isRoot), file, ...args],
      env: network === "none" ? {} : { http_proxy: proxy, https_proxy: proxy, all_proxy: proxy },
    };
  }

  const patience = AbortSignal.any([signal, AbortSignal.timeout(probeMs)]);
  const giveUp = () => closing.abort(patience.reason);
  patience.addEventListener("abort", giveUp, { once: true });
  await probe(run, enter, patience);
  patience.removeEventListener("abort", giveUp);
  const resources = opened.move();
  return { enter, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

// Both are told the program with its arguments as theirs. The first is given the second as its name, and the second the
// number that the first has.
function outer(pid: number, isRoot: boolean): string {
  const user = isRoot ? "" : " --user --preserve-credentials";
  return [
    `exec nsenter --target=${pid} --net${user} --`,
    'unshare --pid --fork --kill-child --mount-proc -- sh -c "$0" $$ "$@"',
  ].join(" ");
}

// Nix names what it protects from collection by its process number and takes another of that number for dead. So it gets
// the one that its outermost process has, which no other has as long as it runs. When memory runs out, it goes first.
// At last it is the user that it is outside, with no rights over its network.
function inner(isRoot: boolean): string {
  const [uid, gid] = [process.getuid?.(), process.getgid?.()];
  const user = isRoot ? "" : `unshare --user --map-user=${uid} --map-group=${gid} -- `;
  return [
    "echo $(($0 - 1)) >/proc/sys/kernel/ns_last_pid && echo 1000 >/proc/self/oom_score_adj || exit 125",
    `${user}"$@"; exit $?`,
  ].join("; ");
}

// That there is a network of its own, and that it sees its own processes alone, under the number it was to have.
async function probe(run: Run, enter: Cell["enter"], signal: AbortSignal): Promise<void> {
  const network = await readlink("/proc/self/ns/net");
  const script = "readlink /proc/self/ns/net; echo $$; ls -d /proc/[0-9]*";
  const confined = await enter("none", "sh", ["-c", script]);
  const { stdout } = await run({ ...confined, signal });
  const [its, pid, ...seen] = stdout.split("\n");
  const isApart = its !== network && pid !== undefined && Number(pid) > 2 && seen.length <= 3;
  if (!isApart) throw new Error(`what is confined sees ${seen.length} processes in ${its}`);
}

// Its end is what tells the forwarder to end, also where this process is killed.
async function* untilAborted(signal: AbortSignal): AsyncGenerator<string> {
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  yield* [];
}
