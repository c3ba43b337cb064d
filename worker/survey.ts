import type { Architecture } from "../core/image.ts";
import type { Survey } from "../core/ports.ts";
import { cachesOf, knownToCaches } from "./binary-caches.ts";
import { listPackages } from "./list-packages.ts";
import { callNix, type NixTools } from "./nix-command.ts";
import { closure } from "./realise.ts";
import type { StorePath } from "../core/ports.ts";

export interface SurveyTools extends NixTools {
  readonly allowUnfree: boolean;
  /** File that keeps what binary caches said, so that it is asked for once. */
  readonly kept: string;
  /** URLs of binary caches; left out, those that Nix is set to use. */
  readonly caches?: readonly string[] | undefined;
  readonly onProgress?: (message: string) => void;
}

// Arguments of one program: the kernel takes two megabytes, and a store path has about 80 bytes.
const pathsAtOnce = 5000;

/**
 * Makes the function that finds out what is known of all packages in `source`, a store path: of those in this machine's
 * store from there, of the others from binary caches. Nothing is built or fetched.
 */
export function createSurvey(tools: SurveyTools) {
  return async (
    { source, architecture }: { readonly source: string; readonly architecture: Architecture },
    signal: AbortSignal,
  ): Promise<Survey> => {
    const say = tools.onProgress ?? (() => undefined);
    const { allowUnfree } = tools;
    const packages = await listPackages(tools, { source, architecture, allowUnfree, say }, signal);
    const outputs = [...new Set(packages.flatMap((each) => each.outputs))].sort();
    const known = new Map<string, StorePath>();
    const elsewhere = await invalidOf(tools, outputs, signal);
    const here = outputs.filter((path) => !elsewhere.has(path));
    for (const part of inParts(here)) {
      for (const each of await closure(tools, part, signal)) known.set(each.path, each);
    }
    say(
      `${packages.length} packages; ${here.length} of ${outputs.length} outputs are in the store`,
    );
    const caches = tools.caches ?? (await cachesOf(tools, signal));
    const asked = { caches, kept: tools.kept, wanted: [...elsewhere], known, say };
    for (const each of await knownToCaches(asked, signal)) known.set(each.path, each);
    return { packages, paths: withoutGaps(known) };
  };
}

async function invalidOf(
  tools: NixTools,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const invalid = new Set<string>();
  for (const part of inParts(paths)) {
    const args = ["--check-validity", "--print-invalid", "--", ...part];
    const { stdout } = await callNix(tools, { file: "nix-store", args, signal });
    for (const path of stdout.split("\n")) if (path !== "") invalid.add(path);
  }
  return invalid;
}

function* inParts(paths: readonly string[]): Generator<readonly string[]> {
  for (let at = 0; at < paths.length; at += pathsAtOnce) yield paths.slice(at, at + pathsAtOnce);
}

// A cache may have lost something that others refer to: what is left tells all the same what belongs together.
function withoutGaps(known: ReadonlyMap<string, StorePath>): readonly StorePath[] {
  return [...known.values()].map(({ path, size, references }) => ({
    path,
    size,
    references: references.filter((each) => known.has(each)),
  }));
}
