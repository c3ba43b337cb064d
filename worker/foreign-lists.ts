import { readFile } from "node:fs/promises";
import { runDebian, type StarterTools } from "./debian-tools.ts";
import { parseReleaseFile, type ReleaseFile } from "./release-file.ts";

/**
 * Which package lists another architecture has, by their checksums: small, known without the network, and all that
 * the architecture's packages depend on.
 */
export interface ForeignLists {
  /** The lists that the machine's sources have. */
  readonly lists: readonly ForeignList[];
  /** Name among apt's lists -> what apt has to know of the repository to choose among versions. */
  readonly releases: Readonly<Record<string, string>>;
  /** Where lists were looked for. */
  readonly tried: readonly string[];
}

export interface ForeignList {
  /** The name among apt's lists. */
  readonly file: string;
  /** What its name has at the end where it is to be had, such as `.xz`. */
  readonly compression: string;
  /** Where to get it, best first. */
  readonly urls: readonly string[];
  readonly sha256: string;
  /** In bytes, compressed. */
  readonly size: number;
}

// apt reads its lists in each of these.
const compressions = [".xz", ".gz", ".zst", ".bz2", ""];

/** apt's options that make it work for another architecture; the machine's own configuration stays as it is. */
export function foreignOptions(architecture: string): readonly string[] {
  return ["-o", `APT::Architecture=${architecture}`, "-o", `APT::Architectures::=${architecture}`];
}

/** Reads from the release files among apt's lists which lists the machine's sources have for an architecture. */
export async function foreignLists(
  tools: StarterTools,
  architecture: string,
  signal: AbortSignal,
): Promise<ForeignLists> {
  const lists: ForeignList[] = [];
  const releases: Record<string, string> = {};
  const targets = await targetsOf(tools, architecture, signal);
  for (const target of targets) {
    const prefix = target.file.slice(0, -target.key.length);
    const release = await readRelease(prefix);
    const found = release === undefined ? undefined : listIn(release, target);
    if (release === undefined || found === undefined) continue;
    lists.push(found);
    releases[`${baseName(prefix)}Release`] = release.identity;
  }
  const tried = targets.filter((one) => one.architecture === architecture).map(({ url }) => url);
  return { lists, releases, tried };
}

interface Target {
  readonly architecture: string;
  /** Path below the release. */
  readonly key: string;
  readonly url: string;
  readonly file: string;
}

async function targetsOf(
  tools: StarterTools,
  architecture: string,
  signal: AbortSignal,
): Promise<readonly Target[]> {
  const format = "$(ARCHITECTURE) $(METAKEY) $(URI) $(FILENAME)";
  const options = ["--no-release-info", "--format", format, ...foreignOptions(architecture)];
  const args = ["indextargets", ...options, "Created-By: Packages"];
  const { stdout } = await runDebian(tools, { file: "apt-get", args, signal });
  return stdout.split("\n").flatMap((line) => {
    const [runsOn, key, url, file] = line.split(" ");
    if (runsOn === undefined || key === undefined || url === undefined || file === undefined)
      return [];
    return runsOn === architecture || runsOn === "all"
      ? [{ architecture: runsOn, key, url, file }]
      : [];
  });
}

async function readRelease(prefix: string): Promise<ReleaseFile | undefined> {
  for (const name of ["InRelease", "Release"]) {
    const text = await readFile(prefix + name, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (text !== undefined) return parseReleaseFile(text);
  }
  return undefined; // a source that was added after the last apt-get update, or that could not be reached
}

function listIn(release: ReleaseFile, target: Target): ForeignList | undefined {
  if (target.architecture === "all" && release.includesAll) return undefined;
  for (const compression of compressions) {
    const found = release.files.get(target.key + compression);
    if (found === undefined || found.size === 0) continue;
    const { sha256, size } = found;
    const folder = target.url.slice(0, target.url.lastIndexOf("/"));
    const byHash = release.byHash ? [`${folder}/by-hash/SHA256/${sha256}`] : [];
    const urls = [...byHash, target.url + compression];
    return { file: baseName(target.file), compression, urls, sha256, size };
  }
  return undefined;
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
