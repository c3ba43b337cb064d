import type { Architecture } from "../core/image.ts";
import type { ListedPackage } from "../core/ports.ts";
import { systems } from "./evaluate.ts";
import { evaluatePackages } from "./evaluate-packages.ts";
import { evaluationMessage, type NixTools } from "./nix-command.ts";

export interface Listing {
  /** A store path that holds a package set. */
  readonly source: string;
  readonly architecture: Architecture;
  readonly allowUnfree: boolean;
  readonly say: (message: string) => void;
}

// A package of a large set takes about half a megabyte to evaluate, and one argument of a program holds 128 KiB.
const namesAtOnce = 2500;
const evaluationMs = 30 * 60_000;

/**
 * Lists the packages of a set with what an image takes of each; nothing is built, and nothing is written to the store.
 * Those that cannot be evaluated are left out.
 */
export async function listPackages(
  tools: NixTools,
  { source, architecture, allowUnfree, say }: Listing,
  signal: AbortSignal,
): Promise<readonly ListedPackage[]> {
  const ask = async (names: readonly string[] | null): Promise<unknown> => {
    const question = { source, system: systems[architecture], allowUnfree, names };
    const how = { writes: false, timeoutMs: evaluationMs };
    return await evaluatePackages(tools, "popcount.nix", question, signal, how);
  };

  /** What Nix cannot catch takes all that were asked for with it: halves are asked for until it is found. */
  const list = async (names: readonly string[]): Promise<readonly ListedPackage[]> => {
    try {
      return (await ask(names)) as readonly ListedPackage[]; // popcount.nix
    } catch (error) {
      if (evaluationMessage(error, true) === undefined) throw error;
      const [name = ""] = names;
      if (names.length <= 1) {
        say(`left out ${name}: ${firstLine(evaluationMessage(error, true))}`);
        return [];
      }
      const middle = names.length >> 1;
      return [...(await list(names.slice(0, middle))), ...(await list(names.slice(middle)))];
    }
  };

  const names = (await ask(null)) as readonly string[]; // popcount.nix
  const packages: ListedPackage[] = [];
  for (let at = 0; at < names.length; at += namesAtOnce) {
    packages.push(...(await list(names.slice(at, at + namesAtOnce))));
    say(`listed ${Math.min(at + namesAtOnce, names.length)} of ${names.length} names`);
  }
  return packages;
}

function firstLine(message: string | undefined): string {
  return message?.split("\n", 1)[0] ?? "";
}
