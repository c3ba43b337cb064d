import { execa } from "execa";
import { withoutCredentials } from "../core/credentials.ts";
import { excessText, watch, type Bounds, type Excess } from "./watch.ts";

/** A program to run. No shell sees any of this: `args` reach the program as they are. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** What messages call it, where it is started by way of others. */
  readonly title?: string | undefined;
  /** Added to the environment that `createRun` was given; nothing else is inherited. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly timeoutMs?: number;
  /** What it may take with all its children; more, and it is stopped. */
  readonly bounds?: Bounds | undefined;
  readonly signal: AbortSignal;
  /** What it reads on stdin, for as long as it runs; left out, nothing. */
  readonly input?: AsyncIterable<string>;
  /** Called with each line of stderr as it comes, for progress; of these only the last are kept. */
  readonly onErrorLine?: (line: string) => void;
  /** Takes stdout line by line; the output's `stdout` is then empty. For what is too large to keep. */
  readonly onOutputLine?: (line: string) => void;
}

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. Rejects with `CommandFailed`, or with the signal's reason when it was aborted. */
export type Run = (command: Command) => Promise<Output>;

/**
 * A program that could not be started (`missing`), took too long (`timedOut`) or too much (`excess`), said more than is
 * kept (`tooLong`), or did not end with 0.
 */
export class CommandFailed extends Error {
  override readonly name = "CommandFailed";
  readonly outcome: Outcome;

  constructor(command: string, outcome: Outcome, cause: unknown) {
    super(describe(command, outcome), { cause });
    this.outcome = outcome;
  }
}

/** How a failed program ended; `exitCode` is undefined when a signal ended it or it never started. */
export interface Outcome extends Output {
  readonly missing: boolean;
  readonly timedOut: boolean;
  /** How long it was given. */
  readonly timeoutMs?: number | undefined;
  readonly excess?: Excess | undefined;
  readonly tooLong?: boolean;
  readonly exitCode: number | undefined;
}

// Nix asks its builders to stop when it is told to, which takes it a moment; see the drain of 8 s in worker/job.ts.
const graceMs = 3000;
const running = new Set<number>();
// What a program says is kept as far as somebody reads it: an answer is, and the end of a log.
const mostCharacters = 256 * 1024 * 1024;
const lastLines = 200;

// What is left when this process exits for whatever reason it can still act on goes with it.
process.on("exit", () => {
  for (const pid of running) killGroup(pid, "SIGKILL");
});

/**
 * Makes the one way to start processes. Each runs in a process group of its own, so that abort and
 * time-out reach its children as well: SIGTERM first, SIGKILL three seconds later.
 */
export function createRun(environment: Readonly<Record<string, string>>): Run {
  return async (command) => {
    command.signal.throwIfAborted();
    const last: string[] = [];
    function heard(line: string): void {
      if (last.push(line) > lastLines) last.shift();
      command.onErrorLine?.(line);
    }
    const gone = Promise.withResolvers<undefined>();
    const child = execa(command.file, command.args, {
      env: { ...environment, ...command.env },
      extendEnv: false,
      detached: true,
      cleanup: false,
      stdin: command.input === undefined ? "ignore" : untilGone(command.input, gone.promise),
      reject: false,
      maxBuffer: mostCharacters,
      ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
      stdout: command.onOutputLine === undefined ? "pipe" : eachLine(command.onOutputLine),
      stderr: command.onErrorLine === undefined ? "pipe" : eachLine(heard),
    });
    for (const event of ["exit", "error"] as const) {
      child.nodeChildProcess.once(event, () => gone.resolve(undefined));
    }
    const { pid } = child;
    if (pid !== undefined) running.add(pid);
    let timedOut = false;
    const timer = setTimeout(
      () => {
        timedOut = true;
        stop();
      },
      command.timeoutMs ?? 2 ** 31 - 1,
    );
    command.signal.addEventListener("abort", stop, { once: true });
    const ended = new AbortController();
    let excess: Excess | undefined;
    const { bounds } = command;
    const watching =
      pid !== undefined && bounds !== undefined && watch(pid, bounds, tooMuch, ended.signal);
    function tooMuch(found: Excess): void {
      excess = found;
      // Asked to stop, Nix cleans up, which a full disk needs; of the others there is more each moment.
      if (found.of === "disk") stop();
      else if (pid !== undefined) killGroup(pid, "SIGKILL");
    }
    let forced: NodeJS.Timeout | undefined;
    function stop(): void {
      if (pid === undefined) return;
      killGroup(pid, "SIGTERM");
      forced = setTimeout(() => killGroup(pid, "SIGKILL"), graceMs);
    }
    try {
      const result = await child;
      command.signal.throwIfAborted();
      const stdout = typeof result.stdout === "string" ? result.stdout : "";
      const stderr =
        command.onErrorLine === undefined && typeof result.stderr === "string"
          ? result.stderr
          : last.join("\n");
      if (!result.failed && !timedOut && excess === undefined) return { stdout, stderr };
      const missing = result.code === "ENOENT";
      // What is said of a failure reaches logs and clients; a URL in it may hold somebody's password.
      const line = withoutCredentials(command.title ?? [command.file, ...command.args].join(" "));
      const { exitCode } = result;
      const said = withoutCredentials(stderr);
      const tooLong = result.isMaxBuffer;
      const { timeoutMs } = command;
      const how = { missing, timedOut, timeoutMs, excess, tooLong, exitCode };
      const outcome = { ...how, stdout, stderr: said };
      throw new CommandFailed(line, outcome, result.cause);
    } finally {
      ended.abort();
      await watching;
      clearTimeout(timer);
      clearTimeout(forced);
      command.signal.removeEventListener("abort", stop);
      // Grandchildren that outlived the program would hold its group; there is no reason to leave them.
      if (pid !== undefined) killGroup(pid, "SIGKILL");
      if (pid !== undefined) running.delete(pid);
    }
  };
}

function killGroup(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone already, which is what was wanted.
  }
}

// execa waits for the end of what it writes as well, which would be for ever where that waits for something itself.
async function* untilGone(
  input: AsyncIterable<string>,
  gone: Promise<undefined>,
): AsyncGenerator<string> {
  const values = input[Symbol.asyncIterator]();
  for (;;) {
    const next = await Promise.race([values.next(), gone]);
    if (next === undefined || next.done === true) return;
    yield next.value;
  }
}

// execa's line transforms: what they yield is what it keeps.
function eachLine(take: (line: string) => void) {
  return function* (line: unknown): Generator {
    take(String(line));
    yield* [];
  };
}

function describe(command: string, outcome: Outcome): string {
  const short = command.length > 200 ? `${command.slice(0, 200)}…` : command;
  if (outcome.missing) return `${command.split(" ", 1)[0]} is not installed`;
  if (outcome.timedOut) return `${short} took too long and was stopped`;
  if (outcome.excess !== undefined) return `${short} was stopped: ${excessText(outcome.excess)}`;
  if (outcome.tooLong === true) return `${short} said more than ${mostCharacters >> 20} MB`;
  const said = outcome.stderr.trim().split("\n").slice(-20).join("\n");
  return `${short} ended with ${outcome.exitCode ?? "a signal"}${said === "" ? "" : `: ${said}`}`;
}
