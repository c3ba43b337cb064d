import { stat } from "node:fs/promises";
import type { Package, Realised, Wanted } from "../core/ports.ts";
import { missing } from "./missing.ts";
import type { NixTools } from "./nix-command.ts";
import { derivationName } from "./nix-log.ts";
import { derivationsOf, realise } from "./realise.ts";

export interface AllowedTools extends NixTools {
  readonly roots: string;
  /** Binary caches that Nix is set to use and that do not answer now. */
  readonly silentCaches?: () => readonly string[];
}

/**
 * Realises packages as far as that is allowed. Where nothing may be built Nix is given store paths instead of
 * derivations: it can fetch those, and does not know how they would be built. What is too large is found out before it is
 * fetched, as far as binary caches know. Throws where the machine, or a cache, is to blame.
 */
export async function realiseAllowed(
  tools: AllowedTools,
  wanted: Wanted,
  signal: AbortSignal,
): Promise<Realised> {
  const { packages, limitBytes = Infinity, fromSource = "allowed" } = wanted;
  const paths = [...new Set(packages.flatMap(pathsOf))];
  const isNever = fromSource === "never";
  if (!isNever && (await areThere(paths))) return await realise(tools, wanted, signal);
  const found = await missing(tools, paths, signal);
  // All of it refers to each other, so it is in the image; there may be more that is built, or here already.
  if (found.fetchedBytes > limitBytes) return { state: "too-large", bytes: found.fetchedBytes };
  if (!isNever) return await realise(tools, wanted, signal);
  if (found.unknown.length === 0) return await realise(tools, wanted, signal, paths);

  const silent = found.silent ?? tools.silentCaches?.().join(", ") ?? "";
  if (silent !== "") throw new Error(`a binary cache does not answer: ${silent}`);
  const unknown = new Set(found.unknown);
  const uncached = packages.filter((each) => pathsOf(each).some((path) => unknown.has(path)));
  const { built } = await missing(tools, derivationsOf(uncached), signal);
  const own = uncached.map(({ derivation }) => derivation);
  return { state: "not-cached", names: [...new Set([...own, ...built].map(derivationName))] };
}

function pathsOf({ outputs }: Package): readonly string[] {
  return outputs.map(({ path }) => path);
}

async function areThere(paths: readonly string[]): Promise<boolean> {
  const looked = paths.map((path) =>
    stat(path).then(
      () => true,
      () => false, // whatever keeps it from being looked at, Nix has to
    ),
  );
  return (await Promise.all(looked)).every((isThere) => isThere);
}
