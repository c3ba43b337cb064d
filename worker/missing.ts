import { callNix, type NixTools } from "./nix-command.ts";

/** What Nix would have to do for some store paths or derivations. */
export interface Missing {
  /** Derivations that would be built. */
  readonly built: readonly string[];
  /** Store paths that nobody has, neither this store nor a binary cache. */
  readonly unknown: readonly string[];
  /** What would be fetched, in bytes as it is in the store; Nix says it in a hundredth of a megabyte. */
  readonly fetchedBytes: number;
  /** What Nix said of a binary cache that did not answer; what that one has would be missing. */
  readonly silent: string | undefined;
}

/** Asks Nix for that; nothing is built or fetched. */
export async function missing(
  tools: NixTools,
  wanted: readonly string[],
  signal: AbortSignal,
): Promise<Missing> {
  const args = ["--realise", "--dry-run", "--", ...wanted];
  const { stderr } = await callNix(tools, { file: "nix-store", args, signal });
  return parseMissing(stderr);
}

/** Reads what `nix-store --realise --dry-run` says on stderr, in any version of Nix since 2.3. */
export function parseMissing(text: string): Missing {
  const built: string[] = [];
  const unknown: string[] = [];
  let fetchedBytes = 0;
  let list: string[] = [];
  for (const line of text.split("\n")) {
    const [, path] = /^ {2}(\/\S+)$/.exec(line) ?? [];
    if (path !== undefined) {
      list.push(path);
      continue;
    }
    list = line.endsWith(" will be built:") ? built : /how to build/.test(line) ? unknown : [];
    const [, size, unit = ""] = /, ([\d.]+) ([KMGT])iB unpacked\):$/.exec(line) ?? [];
    if (size !== undefined) fetchedBytes += Number(size) * 1024 ** (1 + "KMGT".indexOf(unit));
  }
  const [silent] = /(?:unable to download|disabling binary cache) '[^']*'/.exec(text) ?? [];
  return { built, unknown, fetchedBytes, silent };
}
