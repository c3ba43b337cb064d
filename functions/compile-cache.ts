import { readdirSync, rmdirSync, symlinkSync } from "node:fs";
import { enableCompileCache, getCompileCacheDir } from "node:module";
import { basename, dirname, join } from "node:path";

/**
 * Has Node take the code that V8 compiled when the functions were bundled from `directory`, for what is loaded from now
 * on (https://nodejs.org/api/module.html#module-compile-cache). Without it, or with that of another Node, which is
 * another folder in there, everything is compiled as ever.
 *
 * Node names the folder after its version, the processor's features and the user, so that it is missed on a machine with
 * another processor. What is in it is bytecode, which is the same on each, and which V8 checks against its own version
 * and flags: it is linked to from where this process looks.
 */
export function openCompileCache(directory: string): void {
  // It is open already where NODE_COMPILE_CACHE says so.
  if (getCompileCacheDir() === undefined) enableCompileCache({ directory, portable: true });
  const wanted = getCompileCacheDir();
  if (wanted === undefined || dirname(wanted) !== directory) return;
  try {
    if (readdirSync(wanted).length > 0) return;
    const sameNode = `${process.version}-${process.arch}-`;
    const names = readdirSync(directory).filter((name) => name.startsWith(sameNode));
    const baked = names.find((name) => readdirSync(join(directory, name)).length > 0);
    if (baked === undefined) return;
    rmdirSync(wanted);
    symlinkSync(baked, join(directory, basename(wanted)));
  } catch {
    // A folder nobody may write to: the start is slower, and that is all.
  }
}
