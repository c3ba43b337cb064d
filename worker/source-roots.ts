import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/**
 * Lets Nix collect the sources of revisions that were first served before this time and that nobody needs: the copies
 * of folders and starter sets, and what was made of a starter set for the other platform. Images hold no roots: what is
 * in them is in their layers. Answers how many revisions those were.
 */
export async function releaseSources(
  roots: string,
  before: number,
  isNeeded: (revision: string) => Promise<boolean>,
): Promise<number> {
  let released = 0;
  const folder = join(roots, "sources");
  for (const revision of await namesIn(folder)) {
    const root = join(folder, revision);
    if ((await lstat(root)).mtimeMs >= before || (await isNeeded(revision))) continue;
    await rm(root);
    const foreign = (await namesIn(roots)).filter((name) =>
      name.endsWith(`-of-${revision}-source`),
    );
    for (const name of foreign) await rm(join(roots, name));
    released += 1;
  }
  return released;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
