import { setTimeout as sleep } from "node:timers/promises";
import { CommandFailed, createRun, type Run } from "../../worker/run.ts";
import { adviceFor, isAbsence, isPassing } from "./problems.ts";
import { bundleFolder } from "./functions.ts";
import type { Command } from "./resource.ts";

export interface ToolOptions {
  /** What programs inherit. */
  readonly environment: Readonly<Record<string, string>>;
  readonly project: string;
  readonly signal: AbortSignal;
  /** Makes the folder that functions are deployed from. */
  readonly bundle: (folder: string) => Promise<void>;
  /** Where to. */
  readonly folder: string;
  /** Between attempts at what passes by itself; the number of them is how often it is tried again. */
  readonly pausesMs?: readonly number[];
}

/** The operator's programs. */
export interface Tools {
  /** Asks gcloud, which answers in JSON; undefined if what it is about is not there. */
  ask(args: readonly string[]): Promise<unknown>;
  run(command: Command): Promise<void>;
}

/** A program failed; the message says what to do, where that is known. */
export class ToolFailed extends Error {
  override readonly name = "ToolFailed";
}

const usualPausesMs = [2000, 5000, 10_000, 20_000, 40_000];

export function createTools(options: ToolOptions): Tools {
  const { folder, signal } = options;
  const run = createRun(options.environment);
  let bundled: Promise<void> | undefined;
  const place = (arg: string) => arg.replace(bundleFolder, folder);
  return {
    async ask(args) {
      try {
        const { stdout } = await run({
          file: "gcloud",
          args: [...complete(args, options.project), "--format=json"],
          signal,
        });
        return stdout.trim() === "" ? [] : JSON.parse(stdout);
      } catch (error) {
        const said = saidBy(error);
        if (said !== undefined && isAbsence(said) && adviceFor(said) === undefined)
          return undefined;
        throw explained(error);
      }
    },
    async run({ program, args, input, mayBeGone = false }) {
      if (program === "bundle") return await (bundled ??= options.bundle(folder));
      const placed = args.map(place);
      const all = program === "gcloud" ? complete(placed, options.project) : placed;
      try {
        await persistently(run, program, all, input, options);
      } catch (error) {
        const said = error instanceof ToolFailed ? saidBy(error.cause) : undefined;
        if (!mayBeGone || said === undefined || !isAbsence(said)) throw error;
      }
    },
  };
}

async function persistently(
  run: Run,
  file: string,
  args: readonly string[],
  input: string | undefined,
  { pausesMs = usualPausesMs, signal }: ToolOptions,
): Promise<void> {
  for (const pauseMs of [...pausesMs, undefined]) {
    try {
      await run({ file, args, signal, ...(input !== undefined && { input: textOf(input) }) });
      return;
    } catch (error) {
      if (pauseMs === undefined || !isPassing(saidBy(error) ?? "")) throw explained(error);
    }
    await sleep(pauseMs, undefined, { signal });
  }
}

async function* textOf(text: string): AsyncGenerator<string> {
  yield text;
}

/** What gcloud is told with every command. */
export function complete(args: readonly string[], project: string): readonly string[] {
  // Of a project itself it is the argument.
  const own = args[0] === "projects" ? [] : [`--project=${project}`];
  return [...args, ...own, "--quiet"];
}

function saidBy(error: unknown): string | undefined {
  return error instanceof CommandFailed ? error.outcome.stderr : undefined;
}

function explained(error: unknown): unknown {
  if (!(error instanceof CommandFailed)) return error;
  if (error.outcome.missing) {
    const message = `${error.message}: see https://cloud.google.com/sdk/docs/install for gcloud, https://docs.docker.com/engine/install for docker`;
    return new ToolFailed(message, { cause: error });
  }
  const advice = adviceFor(error.outcome.stderr);
  return new ToolFailed(advice === undefined ? error.message : `${error.message}\n${advice}`, {
    cause: error,
  });
}
