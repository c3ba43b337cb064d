import { execa } from "execa";

export interface Ended {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Both, in the order in which they came. */
  readonly all: string;
}

export interface ProgramOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs?: number;
  /** Whether anything but exit code 0 is an answer rather than a failure. */
  readonly mayFail?: boolean;
}

/** Runs a program of the machine to its end; throws with all it said where it fails. */
export async function program(
  file: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<Ended> {
  const ended = await execa(file, args, {
    all: true,
    reject: false,
    stdin: "ignore",
    timeout: options.timeoutMs ?? 120_000,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.env === undefined ? {} : { env: options.env }),
  });
  const { exitCode, stdout, stderr, all } = ended;
  if (ended.failed && options.mayFail !== true) {
    throw new Error(`${file} ${args.join(" ")} ended with ${exitCode ?? ended.message}:\n${all}`);
  }
  return { exitCode, stdout, stderr, all };
}
