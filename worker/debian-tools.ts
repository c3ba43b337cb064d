import type { Log } from "../core/log.ts";
import { CommandFailed, type Command, type Run } from "./run.ts";

/** How the starter set reaches the world: processes, and a log for its progress. */
export interface StarterTools {
  readonly run: Run;
  readonly log: Log;
}

/** Runs a program of the machine and, if it is missing, says which Debian package has it. */
export async function runDebian(tools: StarterTools, command: Command): ReturnType<Run> {
  try {
    return await tools.run(command);
  } catch (error) {
    if (!(error instanceof CommandFailed && error.outcome.missing)) throw error;
    const debian = { "dpkg-deb": "dpkg", "apt-get": "apt", "apt-cache": "apt" }[command.file];
    throw new Error(
      `the starter set needs ${command.file}: install the Debian package ${debian ?? command.file}`,
      { cause: error },
    );
  }
}

/** The first line that a program of the machine prints. */
export async function readFirstLine(
  tools: StarterTools,
  file: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const { stdout } = await runDebian(tools, { file, args, signal });
  return stdout.split("\n", 1)[0] ?? "";
}
