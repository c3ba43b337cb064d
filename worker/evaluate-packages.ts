import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Network } from "./cell.ts";
import { strictRules, type EvaluationRules } from "./evaluation-rules.ts";
import { argumentsOf, callNix, evaluationArgs, type NixTools } from "./nix-command.ts";

export interface PackageQuestion {
  /** A store path that holds a package set. */
  readonly source: string;
}

export interface EvaluationOptions {
  /** Whether derivations are written to the store; they are, if not said. */
  readonly writes?: boolean;
  /** As the rules say, if not said. */
  readonly timeoutMs?: number;
}

/**
 * Evaluates one of firn's expressions that look into a package set, which is somebody else's program: it can read its own
 * source and nothing else of this machine.
 */
export async function evaluatePackages(
  tools: NixTools,
  expression: string,
  question: PackageQuestion,
  signal: AbortSignal,
  options: EvaluationOptions = {},
): Promise<unknown> {
  const { rules = strictRules } = tools;
  const { writes = true, timeoutMs = rules.timeoutMs } = options;
  const hash = await hashOf(tools, question.source, signal);
  const text = await wholeExpression(tools.expressions, expression);
  const { stdout } = await callNix(tools, {
    file: "nix-instantiate",
    args: [
      ...evaluationArgs,
      // Without it derivations are computed and not written, and there would be nothing to realise.
      ...(writes ? ["--read-write-mode"] : []),
      ...optionsOf(rules),
      "--expr",
      text,
      ...argumentsOf({ question: { ...question, hash } }),
    ],
    signal,
    timeoutMs,
    bounds: rules.bounds,
    network: networkFor(rules),
  });
  return JSON.parse(stdout);
}

// What is built on the way may have sources to fetch.
function networkFor({ importFromDerivation, impure, urls }: EvaluationRules): Network {
  return importFromDerivation || impure || urls.length > 0 ? "way-out" : "none";
}

// These win over the lines of nix.conf. Pure evaluation reads no file, no variable and no clock, and fetches only what it
// knows the hash of; the restricted one has a list of what may be fetched.
function optionsOf({ importFromDerivation, impure, urls }: EvaluationRules): readonly string[] {
  const options = {
    "allow-import-from-derivation": String(importFromDerivation),
    "pure-eval": String(!impure),
    "restrict-eval": String(!impure),
    // The first is the URL of what is in the store already; see package-set.nix.
    "allowed-uris": ["firn:source", ...urls].join(" "),
  };
  return Object.entries(options).flatMap(([name, value]) => ["--option", name, value]);
}

// Pure evaluation reads no file of firn's either: what an expression imports is put in its place.
async function wholeExpression(folder: string, name: string): Promise<string> {
  const text = await readFile(join(folder, name), "utf8");
  const parts = text.split(/\bimport \.\/([a-z-]+\.nix)/);
  const filled = parts.map(async (part, i) =>
    i % 2 === 0 ? part : `(${await wholeExpression(folder, part)})`,
  );
  return (await Promise.all(filled)).join("");
}

// By store path. What such a path holds is what its hash is of, and never changes; a process sees few revisions.
const hashes = new Map<string, string>();

async function hashOf(tools: NixTools, source: string, signal: AbortSignal): Promise<string> {
  const known = hashes.get(source);
  if (known !== undefined) return known;
  const args = ["--query", "--hash", "--", source];
  const { stdout } = await callNix(tools, { file: "nix-store", args, signal });
  const hash = stdout.trim().replace(/^sha256:/, "");
  hashes.set(source, hash);
  return hash;
}
