import { mkdir, mkdtemp, readlink, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pLimit from "p-limit";
import type { Architecture } from "../core/image.ts";
import { callNix, evaluateExpression } from "./nix-command.ts";
import type { PinTools } from "./pin.ts";
import { readForeignLists, writeForeignSet } from "./starter-foreign.ts";

/** Where the packages of an architecture are: a store path, or why this revision has none of them. */
export type StarterSource =
  | { readonly state: "found"; readonly path: string }
  | { readonly state: "none"; readonly message: string };

/**
 * Makes the function that finds the packages of an architecture in a starter set, which is a store path. Those of the
 * machine's own are in the set itself; those of another are fetched when they are first asked for, and kept as long as
 * the data folder is.
 */
export function createStarterSources(tools: PinTools) {
  // Several images of an architecture may be asked for at once, and one fetches for all.
  const fetching = pLimit(1);

  return async (
    set: string,
    architecture: Architecture,
    signal: AbortSignal,
  ): Promise<StarterSource> => {
    const lists = await readForeignLists(set, architecture);
    if (lists === undefined) return { state: "found", path: set };
    if (lists.lists.length === 0)
      return { state: "none", message: notCarried(architecture, lists) };
    const root = join(tools.roots, `${architecture}-of-${set.slice("/nix/store/".length)}`);
    return await fetching(async () => {
      const path =
        (await rooted(root)) ?? (await fetchSet(tools, { set, architecture, lists }, root, signal));
      return { state: "found", path };
    });
  };
}

function notCarried(architecture: string, { tried }: { readonly tried: readonly string[] }) {
  const where = tried.length === 0 ? "they are all limited to others" : tried.join(", ");
  return `the machine's package sources have nothing for ${architecture} (looked for: ${where}): add one that does to /etc/apt (for arm64 of Ubuntu, "deb [arch=arm64] http://ports.ubuntu.com/ubuntu-ports" with the release and its components) and run apt-get update; latest is looked up anew every hour, and has it then`;
}

/** The store path that a root leads to, if it is still there. */
async function rooted(root: string): Promise<string | undefined> {
  const found = await stat(root).catch(() => undefined); // never fetched, or collected: both is fetched again
  return found === undefined ? undefined : await readlink(root);
}

async function fetchSet(
  tools: PinTools,
  source: Parameters<typeof writeForeignSet>[1],
  root: string,
  signal: AbortSignal,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "firn-starter-"));
  try {
    const path = join(folder, "source");
    await mkdir(path);
    await writeForeignSet(tools, source, path, signal);
    const copy = { source: { kind: "folder", path } };
    const stored = String(await evaluateExpression(tools, "fetch.nix", copy, signal));
    await mkdir(tools.roots, { recursive: true });
    const args = ["--realise", "--add-root", root, "--indirect", stored];
    await callNix(tools, { file: "nix-store", args, signal });
    return stored;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
