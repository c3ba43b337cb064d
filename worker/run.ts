import { execa } from "execa";
import { withoutCredentials } from "../core/credentials.ts";

/** A program to run. No shell sees any of this: `args` reach the program as they are. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** Added to the environment that `createRun` was given; nothing else is inherited. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly timeoutMs?: number;
  readonly signal: AbortSignal;
  /** What it reads on stdin; left out, nothing. */
  readonly input?: AsyncIterable<string>;
  /** Called with each line of stderr as it comes, for progress. */
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

/** A program that could not be started (`missing`), took too long (`timedOut`) or did not end with 0. */
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
  readonly exitCode: number | undefined;
}

// Nix asks its builders to stop when it is told to, which takes it a moment; see the drain of 8 s in worker/job.ts.
const graceMs = 3000;
const running = new Set<number>();

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
    const child = execa(command.file, command.args, {
      env: { ...environment, ...command.env },
      extendEnv: false,
      detached: true,
      cleanup: false,
      stdin: command.input ?? "ignore",
      reject: false,
      maxBuffer: 256 * 1024 * 1024,
      ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
      stdout: command.onOutputLine === undefined ? "pipe" : eachLine(command.onOutputLine),
      stderr: command.onErrorLine === undefined ? "pipe" : alsoEachLine(command.onErrorLine),
    });
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
      const stderr = typeof result.stderr === "string" ? result.stderr : "";
      if (!result.failed && !timedOut) return { stdout, stderr };
      const missing = result.code === "ENOENT";
      // What is said of a failure reaches logs and clients; a URL in it may hold somebody's password.
      const line = withoutCredentials([command.file, ...command.args].join(" "));
      const { exitCode } = result;
      const said = withoutCredentials(stderr);
      const outcome = { missing, timedOut, exitCode, stdout, stderr: said };
      throw new CommandFailed(line, outcome, result.cause);
    } finally {
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

// execa's line transforms: what they yield is what it keeps.
function eachLine(take: (line: string) => void) {
  return function* (line: unknown): Generator {
    take(String(line));
    yield* [];
  };
}

function alsoEachLine(take: (line: string) => void) {
  return function* (line: unknown): Generator {
    take(String(line));
    yield line;
  };
}

function describe(command: string, outcome: Outcome): string {
  const short = command.length > 200 ? `${command.slice(0, 200)}…` : command;
  if (outcome.missing) return `${command.split(" ", 1)[0]} is not installed`;
  if (outcome.timedOut) return `${short} took too long and was stopped`;
  const said = outcome.stderr.trim().split("\n").slice(-20).join("\n");
  return `${short} ended with ${outcome.exitCode ?? "a signal"}${said === "" ? "" : `: ${said}`}`;
}
