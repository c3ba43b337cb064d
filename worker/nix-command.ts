import { CommandFailed, type Output, type Run } from "./run.ts";

/** How Nix is called on this machine: everything that differs between machines is in here. */
export interface NixTools {
  readonly run: Run;
  /** Lines of nix.conf that apply to these calls alone; asked for at each call, since a network may come and go. */
  readonly config: () => Promise<string>;
  /** The folder with firn's Nix expressions. */
  readonly expressions: string;
}

export interface NixCall {
  readonly file: "nix" | "nix-instantiate" | "nix-store";
  readonly args: readonly string[];
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
  readonly onErrorLine?: (line: string) => void;
}

/** Runs one of Nix's programs. Rejects with `CommandFailed`, whose message says how to install Nix where it is missing. */
export async function callNix(tools: NixTools, call: NixCall): Promise<Output> {
  const { NIX_PATH, NIX_CONFIG } = { NIX_PATH: "", NIX_CONFIG: await tools.config() };
  return await tools.run({ ...call, env: { NIX_PATH, NIX_CONFIG } });
}

/** Evaluates one of firn's expressions; `data` reaches it as a string of JSON, never as part of an expression. */
export async function evaluateExpression(
  tools: NixTools,
  expression: string,
  data: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<unknown> {
  const given = Object.entries(data).flatMap(([name, value]) => [
    "--argstr",
    name,
    JSON.stringify(value),
  ]);
  const { stdout } = await callNix(tools, {
    file: "nix-instantiate",
    args: [
      "--eval",
      "--strict",
      "--json",
      // Without it derivations are computed and not written, and there would be nothing to realise.
      "--read-write-mode",
      `${tools.expressions}/${expression}`,
      ...given,
    ],
    signal,
    timeoutMs: evaluationMs,
  });
  return JSON.parse(stdout);
}

// The largest package sets take seconds; what takes this long does not end.
const evaluationMs = 5 * 60_000;

/**
 * What Nix says of a failed evaluation, without the parts that only help Nix's authors. Undefined where the failure
 * is not the package set's doing: Nix missing, killed, out of memory or disk.
 */
export function evaluationMessage(error: unknown): string | undefined {
  if (!(error instanceof CommandFailed) || error.outcome.missing) return undefined;
  if (error.outcome.timedOut) return `evaluation took longer than ${evaluationMs / 60_000} minutes`;
  const { exitCode, stderr } = error.outcome;
  if (exitCode !== 1 || isOutage(stderr)) return undefined;
  const start = stderr.indexOf("error:");
  if (start === -1) return undefined;
  return stderr
    .slice(start + "error:".length)
    .split("\n")
    .filter((line) => !/--show-trace|^\s*$/.test(line))
    .slice(0, 12)
    .join("\n")
    .trim();
}

const outages =
  /no space left on device|cannot allocate memory|out of memory|couldn't resolve host|could not resolve host|connection refused|connection reset|connection timed out|network is unreachable|disk quota|read-only file system|http error 5\d\d|database is locked|database or disk is full/i;

/** Whether an error text speaks of the machine or the network rather than of what was asked for. */
export function isOutage(text: string): boolean {
  return outages.test(text);
}
