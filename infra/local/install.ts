import { access, constants, readdir } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { Log } from "../../core/log.ts";
import type { Run } from "../../worker/run.ts";

export interface InstallTools {
  readonly run: Run;
  readonly log: Log;
  /** The PATH that programs are looked for in. */
  readonly path: string;
  readonly isRoot: boolean;
}

/** Where programs come from on Debian and Ubuntu; ca-certificates comes along, git cannot fetch without. */
const packages = {
  "nix-store": "nix-bin",
  git: "git",
  patchelf: "patchelf",
} as const;

export type Program = keyof typeof packages;

/**
 * Makes sure that programs are installed: on Debian or Ubuntu as root it installs those that are missing, elsewhere
 * it throws an Error that says in two lines what to do.
 */
export async function ensureInstalled(
  tools: InstallTools,
  programs: readonly Program[],
  signal: AbortSignal,
): Promise<void> {
  const missing = await missingOf(tools, programs);
  if (missing.length === 0) return;
  if (!tools.isRoot || (await missingOf(tools, ["apt-get"])).length > 0) {
    throw new Error(howToInstall(missing));
  }
  const wanted = [...missing.map((program) => packages[program]), "ca-certificates"];
  tools.log("INFO", `installing ${wanted.join(", ")} with apt-get`);
  const aptGet = (...args: readonly string[]) =>
    tools.run({
      file: "apt-get",
      args,
      env: { DEBIAN_FRONTEND: "noninteractive" },
      timeoutMs: 10 * 60_000,
      signal,
    });
  if (await isEmpty("/var/lib/apt/lists")) {
    tools.log("INFO", "reading the package lists, with apt-get update");
    await aptGet("update");
  }
  await aptGet("install", "--yes", "--no-install-recommends", ...wanted).catch(async () => {
    // Lists that are some weeks old name files that are no longer there.
    tools.log("INFO", "once more with new package lists");
    await aptGet("update");
    await aptGet("install", "--yes", "--no-install-recommends", ...wanted);
  });
}

async function missingOf<T extends string>(
  { path }: InstallTools,
  programs: readonly T[],
): Promise<readonly T[]> {
  const found = await Promise.all(programs.map((program) => isOnPath(program, path)));
  return programs.filter((_, i) => !found[i]);
}

async function isOnPath(program: string, path: string): Promise<boolean> {
  for (const folder of path.split(delimiter)) {
    try {
      await access(join(folder, program), constants.X_OK);
      return true;
    } catch {
      // Not in this folder; the next one may have it.
    }
  }
  return false;
}

async function isEmpty(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch((): string[] => []);
  return !names.some((name) => name.includes("_Packages") || name.includes("_InRelease"));
}

function howToInstall(missing: readonly Program[]): string {
  const debian = `apt-get install ${missing.map((program) => packages[program]).join(" ")}`;
  if (!missing.includes("nix-store")) {
    return `${missing.join(" and ")} is not installed, and this package set needs it.\nOn Debian or Ubuntu, as root: ${debian}`;
  }
  return `Nix is not installed, and firn builds with it. On Debian or Ubuntu, as root: ${debian}\nElsewhere: sh <(curl --proto '=https' --tlsv1.2 -L https://nixos.org/nix/install) --daemon`;
}
