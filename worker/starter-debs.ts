import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { messageOf } from "../core/log.ts";
import type { StarterTools } from "./debian-tools.ts";
import type { LockedDeb, StarterLock } from "./starter-lock.ts";

type NamedDeb = readonly [name: string, deb: LockedDeb];

/**
 * Downloads what of a lock's Debian packages is not in the Nix store yet, all at once, and adds it. `aptOptions` are for
 * an architecture that is not the machine's.
 */
export async function addDebsToStore(
  tools: StarterTools,
  folder: string,
  lock: StarterLock,
  signal: AbortSignal,
  aptOptions: readonly string[] = [],
): Promise<void> {
  const missing = await missingDebs(tools, folder, lock, signal);
  if (missing.length === 0) return;
  const bytes = missing.reduce((sum, [, deb]) => sum + deb.size, 0);
  const megabytes = Math.ceil(bytes / 1e6);
  tools.log("INFO", `downloading ${missing.length} Debian packages (${megabytes} MB)`, { bytes });
  const temporary = await mkdtemp(path.join(tmpdir(), "firn-starter-"));
  try {
    await download(tools, temporary, missing, aptOptions, signal);
    const files = await nameForStore(temporary, missing, signal);
    const args = ["--add-fixed", "sha256", ...files];
    await tools.run({ file: "nix-store", args, cwd: temporary, signal });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  tools.log("INFO", `added ${missing.length} Debian packages to the Nix store`, { bytes });
}

async function missingDebs(
  tools: StarterTools,
  folder: string,
  lock: StarterLock,
  signal: AbortSignal,
): Promise<readonly NamedDeb[]> {
  const expression = "builtins.mapAttrs (_: deb: deb.outPath) (import ./debs.nix { })";
  const evaluation = await tools.run({
    file: "nix-instantiate",
    args: ["--eval", "--strict", "--json", "--expr", expression],
    cwd: folder,
    signal,
  });
  // Nix wrote this from the expression above: Debian package -> store path.
  const paths = JSON.parse(evaluation.stdout) as Readonly<Record<string, string>>;
  const check = await tools.run({
    file: "nix-store",
    args: ["--check-validity", "--print-invalid", ...Object.values(paths)],
    signal,
  });
  const invalid = new Set(check.stdout.split("\n"));
  return Object.entries(lock.debs).filter(([name]) => invalid.has(paths[name] ?? ""));
}

async function download(
  tools: StarterTools,
  temporary: string,
  missing: readonly NamedDeb[],
  aptOptions: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const wanted = missing.map(requestOf);
  // apt would hand the download to a user who may not write here.
  const options = ["-qq", "-o", "APT::Sandbox::User=root", ...aptOptions];
  const args = [...options, "download", ...wanted];
  try {
    await tools.run({ file: "apt-get", args, cwd: temporary, signal });
  } catch (error) {
    signal.throwIfAborted();
    const hint = "if its lists are old, apt-get update will help";
    throw new Error(`apt could not download the starter set (${hint}): ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function requestOf([name, deb]: NamedDeb): string {
  return `${name}=${deb.version}`;
}

/** Adds to each Debian package of a lock where it lies, for when the lists it was found in are gone. */
export async function withUrls(
  tools: StarterTools,
  lock: StarterLock,
  aptOptions: readonly string[],
  signal: AbortSignal,
): Promise<StarterLock> {
  const wanted = Object.entries(lock.debs).map(requestOf);
  const args = ["-qq", ...aptOptions, "download", "--print-uris", ...wanted];
  const { stdout } = await tools.run({ file: "apt-get", args, cwd: tmpdir(), signal });
  // 'http://...' name size SHA256:...
  const found = stdout.matchAll(/^'([^']+)' \S+ \d+ SHA256:([0-9a-f]{64})$/gm);
  const urls = new Map([...found].map(([, url, sha256]) => [sha256, url]));
  const debs = Object.entries(lock.debs).map(([name, deb]) => {
    const url = urls.get(deb.sha256);
    if (url === undefined) throw new Error(`apt does not say where ${name} ${deb.version} lies`);
    return [name, { ...deb, url }] as const;
  });
  return { ...lock, debs: Object.fromEntries(debs) };
}

/** Gives each downloaded file the name that it is to have in the store; apt's own may have a `%`. */
async function nameForStore(
  temporary: string,
  missing: readonly NamedDeb[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const nameOf = new Map(missing.map(([, deb]) => [deb.sha256, deb.file]));
  const named: string[] = [];
  for (const file of await readdir(temporary)) {
    const name = nameOf.get(await sha256Of(path.join(temporary, file), signal));
    if (name === undefined) throw new Error(`apt downloaded a ${file} that is not in its lists`);
    await rename(path.join(temporary, file), path.join(temporary, name));
    named.push(name);
  }
  return named.sort();
}

async function sha256Of(file: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash, { signal });
  return hash.digest("hex");
}
