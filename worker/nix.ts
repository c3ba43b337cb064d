import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Architecture } from "../core/image.ts";
import type { Evaluation, Nix, Question, Survey } from "../core/ports.ts";
import { packageSetId, type Pin } from "../core/package-set.ts";
import { evaluate } from "./evaluate.ts";
import { fetchSource, pin, type PinTools } from "./pin.ts";
import { closure, release } from "./realise.ts";
import { realiseAllowed, type AllowedTools } from "./realise-allowed.ts";
import { createStarterSources } from "./starter-source.ts";
import type { Bounds } from "./watch.ts";
import { createSurvey, type SurveyTools } from "./survey.ts";

export interface NixAdapterTools extends PinTools, AllowedTools {
  readonly allowUnfree: boolean;
  /** What builds for one image may take. */
  readonly bounds?: Bounds;
  readonly survey?: Pick<SurveyTools, "caches" | "onProgress">;
}

/** The `Nix` port over the Nix of this machine. */
export function createNix(tools: NixAdapterTools): Nix {
  // Fetching is the same work for every image of a revision; the store path is asked for once a process.
  const sources = new Map<string, string>();
  const survey = createSurvey({
    ...tools,
    kept: join(tools.roots, "../narinfos.jsonl"),
    onProgress: (message) => tools.log("DEBUG", message),
    ...tools.survey,
  });
  const starterSource = createStarterSources(tools);

  async function sourceOf(revision: string, signal: AbortSignal): Promise<string | undefined> {
    const known = sources.get(revision);
    const isThere = known !== undefined && (await exists(known));
    const source = isThere ? known : await fetchSource(tools, revision, signal);
    if (source === undefined) return undefined;
    sources.set(revision, source);
    await tools.keepSource?.(source);
    return source;
  }

  /** The store path that packages of an architecture are evaluated in, or why there is none. */
  async function sourceFor(
    { packageSet, revision }: Pin,
    architecture: Architecture,
    signal: AbortSignal,
  ): Promise<
    | { readonly state: "found"; readonly path: string }
    | { readonly state: "evaluation-failed" | "revision-unknown"; readonly message: string }
  > {
    const served = packageSetId(tools.packageSet);
    if (packageSet !== served) {
      const message = `this registry serves ${served} now, no longer ${packageSet}`;
      return { state: "revision-unknown", message };
    }
    const path = await sourceOf(revision, signal);
    if (path === undefined) {
      const message = `the package set has no revision ${revision}: use latest, a branch or another commit`;
      return { state: "revision-unknown", message };
    }
    if (tools.packageSet.kind !== "starter") return { state: "found", path };
    const found = await starterSource(path, architecture, signal);
    if (found.state === "none") return { state: "evaluation-failed", message: found.message };
    return { state: "found", path: found.path };
  }

  async function evaluateAt(question: Question, signal: AbortSignal): Promise<Evaluation> {
    const found = await sourceFor(question.pin, question.architecture, signal);
    if (found.state !== "found") return found;
    const { allowUnfree } = tools;
    return await evaluate(tools, { ...question, source: found.path, allowUnfree }, signal);
  }

  async function surveyAt(
    at: Pin,
    architecture: Architecture,
    signal: AbortSignal,
  ): Promise<Survey> {
    const found = await sourceFor(at, architecture, signal);
    if (found.state !== "found") throw new Error(found.message);
    return await survey({ source: found.path, architecture }, signal);
  }

  return {
    pin: (reference, signal) => pin(tools, reference, signal),
    evaluate: evaluateAt,
    realise: (wanted, signal) => realiseAllowed(tools, wanted, signal),
    release: (root) => release(tools, root),
    closure: (paths, signal) => closure(tools, paths, signal),
    survey: surveyAt,
  };
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false, // whatever keeps it from being looked at, it has to be fetched again
  );
}
