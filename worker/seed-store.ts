import { access, chmod, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "../core/log.ts";
import type { Run } from "./run.ts";

export interface SeedTools {
  readonly run: Run;
  readonly log: Log;
  /** A copy of `/nix`, which is only read. */
  readonly seed: string;
  /** `/nix` itself, where a disk may be mounted. */
  readonly folder: string;
}

/**
 * Fills `/nix` from its copy where nothing is in it yet, as on a disk that was just mounted; what is in use is left as it
 * is. A copy that was interrupted is begun anew. Throws where the folder cannot be written to.
 */
export async function seedStore(tools: SeedTools, signal: AbortSignal): Promise<void> {
  const { run, log, seed, folder } = tools;
  // As long as it is there, what is in the folder is half of a copy.
  const mark = join(folder, ".seeding");
  const isUnfinished = await exists(mark);
  if (!isUnfinished && (await exists(join(folder, "var")))) return;
  const before = performance.now();
  const parts = await readdir(seed);
  try {
    await writeFile(mark, "");
    for (const part of isUnfinished ? parts : []) await removeReadOnly(join(folder, part));
    // Part by part: the folder's own mode and times are those of the mount.
    const args = ["--archive", "--", ...parts.map((part) => join(seed, part)), folder];
    await run({ file: "cp", args, signal });
    await rm(mark);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EACCES") throw cause;
    const message = `${folder} cannot be written to by the user ${process.getuid?.()}: mount a disk there that this user may write to`;
    throw new Error(message, { cause });
  }
  const ms = Math.round(performance.now() - before);
  log("INFO", `filled the empty ${folder} from ${seed}`, { ms });
}

// What Nix has in its store may be written to by nobody, not even removed by its owner.
async function removeReadOnly(path: string): Promise<void> {
  if (!(await exists(path))) return;
  for (const entry of await readdir(path, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) await chmod(join(entry.parentPath, entry.name), 0o755);
  }
  await rm(path, { recursive: true });
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false, // whatever keeps it from being seen, what follows says it
  );
}
