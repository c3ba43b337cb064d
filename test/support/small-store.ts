import { resolve } from "node:path";
import { program } from "./program.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const main = resolve(import.meta.dirname, "small-store-main.ts");

/**
 * Plays a scenario of test/support/small-store-main.ts on a Nix store of 256 MB in memory, which nobody else sees; gives
 * what it printed. Its caller knows the shape. Throws with all it said where it fails.
 */
export async function playOnSmallStore<T>(scenario: string): Promise<T> {
  await using folder = await temporaryFolder();
  const mounted = 'mount -t tmpfs -o size=256M tmpfs /nix && exec "$@"';
  const command = [process.execPath, main, scenario, folder.path];
  const own = ["--mount", "--propagation", "private", "sh", "-c", mounted, "sh", ...command];
  const { stdout } = await program("unshare", own);
  return JSON.parse(stdout) as T;
}
