import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { PackageSet } from "../core/package-set.ts";
import type { Pinned } from "../core/ports.ts";
import type { Log } from "../core/log.ts";
import { callNix, evaluateExpression, evaluationMessage, type NixTools } from "./nix-command.ts";
import { writeStarterSet } from "./starter-set.ts";

export interface PinTools extends NixTools {
  readonly packageSet: PackageSet;
  /** Folder for what keeps store paths from garbage collection. */
  readonly roots: string;
  readonly log: Log;
  /** Keeps the source of a package set in the store, where something is removed from it. */
  readonly keepSource?: (path: string) => Promise<void>;
}

/** Looks up where a reference of the package set stands now. Throws where that could not be found out. */
export async function pin(
  tools: PinTools,
  reference: string | undefined,
  signal: AbortSignal,
): Promise<Pinned> {
  const { packageSet } = tools;
  switch (packageSet.kind) {
    case "nixpkgs":
      return await pinGit(tools, packageSet.repository, reference, signal);
    case "git":
      return await pinGit(tools, packageSet.url, reference, signal);
    case "path":
      if (reference !== undefined) return await pinStored(tools, reference);
      return await pinFolder(tools, packageSet.path, signal);
    case "starter":
      if (reference !== undefined) return await pinStored(tools, reference);
      return await pinStarterSet(tools, signal);
  }
}

/** The source of the package set at a revision, as a store path; undefined where there is no such revision. */
export async function fetchSource(
  tools: PinTools,
  revision: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { packageSet } = tools;
  if (packageSet.kind === "path" || packageSet.kind === "starter") {
    return await storedOrMade(tools, revision, signal);
  }
  const source =
    packageSet.kind === "git"
      ? { kind: "git", url: packageSet.url, revision }
      : { kind: "tarball", url: packageSet.tarball.replaceAll("{revision}", revision) };
  try {
    return String(await evaluateExpression(tools, "fetch.nix", { source }, signal));
  } catch (error) {
    const message = evaluationMessage(error);
    if (message === undefined) throw error;
    if (
      /http error 404|not our ref|bad object|cannot find git revision|no such file|couldn't (open|read) (a )?file/i.test(
        message,
      )
    ) {
      return undefined;
    }
    throw new Error(`the package set at ${revision} could not be fetched: ${message}`, {
      cause: error,
    });
  }
}

// The store may have lost it, or be another machine's, which has pinned the same folder: then it is made again, and is the
// same as long as the folder is.
async function storedOrMade(
  tools: PinTools,
  revision: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const path = folderPath(revision);
  if (existsSync(path)) return path;
  const made = await pin(tools, undefined, signal);
  return made.state === "pinned" && made.revision === revision ? path : undefined;
}

// A branch wins over a tag of the same name, and a tag stands for the commit it points at.
async function pinGit(
  tools: PinTools,
  url: string,
  reference: string | undefined,
  signal: AbortSignal,
): Promise<Pinned> {
  const wanted =
    reference === undefined
      ? ["HEAD"]
      : [`refs/heads/${reference}`, `refs/tags/${reference}^{}`, `refs/tags/${reference}`];
  const lines = await lsRemote(tools, url, wanted, signal);
  const found = new Map(lines.map(([commit, name]) => [name, commit]));
  const revision = wanted.map((name) => found.get(name)).find((commit) => commit !== undefined);
  if (revision !== undefined) return { state: "pinned", revision };
  const what = reference === undefined ? "no default branch" : `no branch or tag "${reference}"`;
  return unknownRevision(
    `the package set has ${what}: use latest, another branch or tag, or a commit`,
  );
}

async function lsRemote(
  tools: PinTools,
  url: string,
  wanted: readonly string[],
  signal: AbortSignal,
) {
  const { stdout } = await (tools.fetch ?? tools.run)({
    file: "git",
    args: ["ls-remote", "--", url, ...wanted],
    // Credentials come from the user's own helpers and keys; nobody is there to type one.
    env: { GIT_TERMINAL_PROMPT: "0" },
    timeoutMs: 60_000,
    signal,
  });
  return stdout.split("\n").map((line) => line.split("\t") as [string, string]); // <commit> TAB <name>
}

async function pinFolder(tools: PinTools, path: string, signal: AbortSignal): Promise<Pinned> {
  const source = { kind: "folder", path };
  try {
    const stored = String(await evaluateExpression(tools, "fetch.nix", { source }, signal));
    await keep(tools, stored, signal);
    return { state: "pinned", revision: revisionOf(stored) };
  } catch (error) {
    const message = evaluationMessage(error);
    if (message === undefined) throw error;
    throw new Error(`the package set in ${path} cannot be read: ${message}`, { cause: error });
  }
}

// The folder may have changed, or be gone, when the pin is used again: its copies stay, each under its revision, as what
// tags may name.
async function keep(tools: PinTools, path: string, signal: AbortSignal): Promise<void> {
  const root = rootOf(tools, revisionOf(path));
  await mkdir(dirname(root), { recursive: true });
  const args = ["--realise", "--add-root", root, "--indirect", path];
  await callNix(tools, { file: "nix-store", args, signal });
}

function rootOf({ roots }: PinTools, revision: string): string {
  return join(roots, "sources", revision);
}

async function pinStarterSet(tools: PinTools, signal: AbortSignal): Promise<Pinned> {
  const folder = await mkdtemp(join(tmpdir(), "firn-starter-"));
  try {
    const tree = join(folder, "source");
    await mkdir(tree);
    await writeStarterSet(tools, tree, signal);
    return await pinFolder(tools, tree, signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

// The tag may be the revision of a tree that was served before. Whatever else the store has under such a name is none of
// this package set's.
async function pinStored(tools: PinTools, revision: string): Promise<Pinned> {
  const isKept = revisionPattern.test(revision) && existsSync(rootOf(tools, revision));
  if (isKept) return { state: "pinned", revision };
  return unknownRevision(
    `the package set has no revision "${revision}": use latest, or a revision that was served before`,
  );
}

// A folder's revision is the hash of the store path that holds a copy of it, always under the name `source`.
const revisionPattern = /^[0-9a-z]{32}$/;

function folderPath(revision: string): string {
  return `/nix/store/${revision}-source`;
}

function revisionOf(storePath: string): string {
  return storePath.slice("/nix/store/".length, -"-source".length);
}

function unknownRevision(message: string): Pinned {
  return { state: "revision-unknown", message };
}
