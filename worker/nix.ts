import { stat } from "node:fs/promises";
import type { Evaluation, Nix, Question } from "../core/ports.ts";
import { packageSetId } from "../core/package-set.ts";
import { evaluate } from "./evaluate.ts";
import { fetchSource, pin, type PinTools } from "./pin.ts";
import { closure, realise, release } from "./realise.ts";
import { createStarterSources } from "./starter-source.ts";

export interface NixAdapterTools extends PinTools {
  readonly allowUnfree: boolean;
}

/** The `Nix` port over the Nix of this machine. */
export function createNix(tools: NixAdapterTools): Nix {
  // Fetching is the same work for every image of a revision; the store path is asked for once a process.
  const sources = new Map<string, string>();
  const starterSource = createStarterSources(tools);

  async function sourceOf(revision: string, signal: AbortSignal): Promise<string | undefined> {
    const known = sources.get(revision);
    if (known !== undefined && (await exists(known))) return known;
    const source = await fetchSource(tools, revision, signal);
    if (source !== undefined) sources.set(revision, source);
    return source;
  }

  async function evaluateAt(question: Question, signal: AbortSignal): Promise<Evaluation> {
    const { packageSet, revision } = question.pin;
    const served = packageSetId(tools.packageSet);
    if (packageSet !== served) {
      const message = `this registry serves ${served} now, no longer ${packageSet}`;
      return { state: "revision-unknown", message };
    }
    const source = await sourceOf(revision, signal);
    if (source === undefined) {
      const message = `the package set has no revision ${revision}: use latest, a branch or another commit`;
      return { state: "revision-unknown", message };
    }
    const { allowUnfree } = tools;
    if (tools.packageSet.kind !== "starter") {
      return await evaluate(tools, { ...question, source, allowUnfree }, signal);
    }
    const found = await starterSource(source, question.architecture, signal);
    if (found.state === "none") return { state: "evaluation-failed", message: found.message };
    return await evaluate(tools, { ...question, source: found.path, allowUnfree }, signal);
  }

  return {
    pin: (reference, signal) => pin(tools, reference, signal),
    evaluate: evaluateAt,
    realise: (wanted, signal) => realise(tools, wanted, signal),
    release: (root) => release(tools, root),
    closure: (paths, signal) => closure(tools, paths, signal),
  };
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false, // whatever keeps it from being looked at, it has to be fetched again
  );
}
