import type { Confine, Network } from "./cell.ts";
import type { EvaluationRules } from "./evaluation-rules.ts";
import { boundedText } from "./plain-text.ts";
import { CommandFailed, type Outcome, type Output, type Run } from "./run.ts";
import { excessText, type Bounds } from "./watch.ts";

/** How Nix is called on this machine: everything that differs between machines is in here. */
export interface NixTools {
  /** Runs what builds, evaluates or asks: with nothing in its environment that signs anybody in. */
  readonly run: Run;
  /** Runs what fetches the source of a package set, as whoever may; left out, as the others are run. */
  readonly fetch?: Run;
  /** Lines of nix.conf that apply to these calls alone; asked for at each call, since a network may come and go. */
  readonly config: () => Promise<string>;
  /** The folder with firn's Nix expressions. */
  readonly expressions: string;
  /** Keeps what a package set does from the rest of the machine; undefined, or left out, where that is impossible. */
  readonly confine?: Confine | undefined;
  /** Left out, the strict ones. */
  readonly rules?: EvaluationRules;
}

export interface NixCall {
  readonly file: "nix" | "nix-instantiate" | "nix-store";
  readonly args: readonly string[];
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
  readonly bounds?: Bounds | undefined;
  /** For what runs programs of a package set: which network they have, where it can be kept from them. */
  readonly network?: Network;
  /** Whether it fetches the source of a package set. */
  readonly fetches?: boolean;
  readonly onErrorLine?: (line: string) => void;
}

/** Runs one of Nix's programs. Rejects with `CommandFailed`, whose message says how to install Nix where it is missing. */
export async function callNix(tools: NixTools, call: NixCall): Promise<Output> {
  const { NIX_PATH, NIX_CONFIG } = { NIX_PATH: "", NIX_CONFIG: await tools.config() };
  try {
    const { file, args, network, fetches, ...how } = call;
    const run = fetches === true ? (tools.fetch ?? tools.run) : tools.run;
    const confined = network && (await tools.confine?.(network, file, args));
    const command = { file, args, ...confined, title: [file, ...args].join(" ") };
    return await run({ ...how, ...command, env: { ...confined?.env, NIX_PATH, NIX_CONFIG } });
  } catch (error) {
    // It holds what the program said last, and whoever waits may be told.
    if (error instanceof CommandFailed) error.message = boundedText(error.message);
    throw error;
  }
}

/** Fetches by one of firn's expressions; `data` reaches it as a string of JSON, never as part of an expression. */
export async function evaluateExpression(
  tools: NixTools,
  expression: string,
  data: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<unknown> {
  const file = `${tools.expressions}/${expression}`;
  const args = [...evaluationArgs, "--read-write-mode", file, ...argumentsOf(data)];
  const { stdout } = await callNix(tools, {
    file: "nix-instantiate",
    args,
    signal,
    timeoutMs: evaluationMs,
    fetches: true,
  });
  return JSON.parse(stdout);
}

export const evaluationArgs = ["--eval", "--strict", "--json"] as const;

export function argumentsOf(data: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(data).flatMap(([name, value]) => ["--argstr", name, JSON.stringify(value)]);
}

// What is firn's own takes as long as a download.
const evaluationMs = 5 * 60_000;

/**
 * What Nix says of a failed evaluation, without the parts that only help Nix's authors. Undefined where the failure
 * is not the package set's doing: Nix missing, killed, out of memory or disk. `thrown` says that the package set is
 * known to throw, so that whatever the text speaks of, it is the package's own.
 */
export function evaluationMessage(error: unknown, thrown = false): string | undefined {
  if (!(error instanceof CommandFailed) || error.outcome.missing) return undefined;
  if (error.outcome.timedOut) return `evaluation took longer than ${seconds(error.outcome)}`;
  if (error.outcome.excess !== undefined)
    return `evaluation was stopped: ${excessText(error.outcome.excess)}`;
  if (error.outcome.tooLong === true) return "evaluation was stopped: it says more than fits";
  const { exitCode, stderr } = error.outcome;
  if (exitCode !== 1 && !isBuildExit(exitCode)) return undefined;
  const start = stderr.search(/^error:/m);
  if (start === -1) return undefined;
  const text = stderr.slice(start + "error:".length);
  if (!thrown && isOutage(text)) return undefined;
  const lines = withoutHostTraces(text.split("\n"));
  const said = lines
    .filter((line) => !/--show-trace|^\s*$/.test(line))
    .slice(0, 12)
    .join("\n")
    .trim();
  return boundedText(withSettings(said));
}

// Nix speaks of its own options.
function withSettings(message: string): string {
  return message
    .replace(/ \(use '--impure' to override\)/g, "; FIRN_IMPURE_EVALUATION would allow it")
    .replace(
      /(access to URI '[^'\n]*' is forbidden in restricted mode)/g,
      "$1; FIRN_EVALUATION_URLS can allow it",
    )
    .replace(
      / because the option 'allow-import-from-derivation' is disabled/g,
      "; FIRN_IMPORT_FROM_DERIVATION would allow it",
    );
}

/** Whether an evaluation was ended from outside, which asking again for less of it would only repeat. */
export function wasStopped(error: unknown): boolean {
  if (!(error instanceof CommandFailed)) return false;
  const { timedOut, excess, tooLong } = error.outcome;
  return timedOut || excess !== undefined || tooLong === true;
}

function seconds({ timeoutMs = 0 }: Outcome): string {
  return `${Math.round(timeoutMs / 100) / 10} seconds`;
}

// Where in the store a mistake is helps whoever made it; where firn lies on this machine is nobody's business.
function withoutHostTraces(lines: readonly string[]): readonly string[] {
  const kept: string[] = [];
  let skipping = false;
  for (const line of lines) {
    if (/^\s*at (?:\/(?!nix\/store\/)|«string»|\(string\)).*:\d+:\d+:?$/.test(line)) {
      skipping = true;
      // "... while calling the 'map' builtin": the line above belongs to the place.
      if (/^\s*(?:…|\.\.\.)/.test(kept.findLast((each) => each.trim() !== "") ?? "")) {
        while (kept.pop()?.trim() === "");
      }
      continue;
    }
    // Nix quotes the source below the place, numbered.
    skipping &&= /^\s*(?:\d*\|.*)?$/.test(line);
    if (!skipping) kept.push(line);
  }
  return kept;
}

/** 100 to 104: a builder failed, ran out of its time, or made something else than was promised [nix-store(1)]. */
export function isBuildExit(exitCode: number | undefined): boolean {
  return exitCode !== undefined && exitCode >= 100 && exitCode <= 104;
}

const outages =
  /no space left on device|cannot allocate memory|out of memory|couldn't resolve host|could not resolve host|connection refused|connection reset|connection timed out|network is unreachable|cannot connect to (?:socket|daemon)|disk quota|read-only file system|http error 5\d\d|database is locked|database or disk is full/i;

/**
 * Whether an error text of Nix speaks of the machine or the network rather than of what was asked for. What a package
 * says in it does not count: what is quoted, its source, its builder's log, and with what it aborted.
 */
export function isOutage(text: string): boolean {
  const ownWords = text
    .replace(/evaluation aborted with the following error message: [^]*/, "")
    .replace(/^\s*(?:>|\d*\|).*$/gm, "")
    .replace(/(?<!\w)'[^'\n]*'(?!\w)/g, "");
  return outages.test(ownWords);
}
