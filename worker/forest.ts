import { readFileSync } from "node:fs";
import { compareBytes } from "../core/bytewise.ts";
import { createResolver, type Place, type Resolver } from "./resolver.ts";
import { entriesIn } from "./store-walk.ts";
import type { TarEntry } from "./tar.ts";

/** A package of an image, as far as its place in the forest goes. */
export interface ForestPackage {
  readonly name: string;
  /** Nix's `meta.priority`: of two packages with the same file the lower number wins. */
  readonly priority: number;
  /** Asked for by name, not brought by a preset. */
  readonly requested: boolean;
  /** Store paths. */
  readonly outputs: readonly string[];
}

/** What stands at the root of an image, by its path without slashes around it. */
export type Forest = Map<string, TarEntry>;

// A folder that packages bring: the path that links name, and the folder it is when its own links are followed.
interface Source {
  readonly path: string;
  readonly real: string;
}

// The kernel's, the store's and those of whoever runs the container; and Nix's notes on how to build with a package.
const notLinked = new Set(["nix", "nix-support", "proc", "sys", "dev", "tmp", "run", "root"]);
// People who build FROM an image put files of their own here, where a link would lead into a read-only folder.
const alwaysReal = /^(?:etc|usr|var)(?:\/|$)/;

/**
 * Lays the outputs of all packages over each other as links. Top-level folders are folders; further
 * down a folder that only one output has is one link, and one that several have is merged. What
 * leads nowhere in the image is left out. `root` is put before the store when it is read.
 */
export function plantForest(packages: readonly ForestPackage[], root = ""): Forest {
  const resolve = createResolver(root);
  const forest: Forest = new Map();
  const outputs = outputsInOrder(packages, root, resolve).flatMap((path) =>
    sourceOf(path, resolve(path)),
  );
  merge("", outputs, new Set());
  return forest;

  // `open` are the folders that are being merged already: a link back to one of them is not followed again.
  function merge(position: string, sources: readonly Source[], open: ReadonlySet<string>): void {
    const stillOpen = new Set([...open, ...sources.map(({ real }) => real)]);
    for (const [name, candidates] of candidatesByName(sources, root, resolve)) {
      const path = position === "" ? name : `${position}/${name}`;
      const top = position === "";
      if (top && notLinked.has(name)) continue;
      const folders = distinctFolders(candidates).filter(({ real }) => !stillOpen.has(real));
      const [first] = candidates;
      if (first === undefined || (top && folders.length === 0)) continue;
      const mergeable = first.place.folder && !stillOpen.has(first.place.path);
      if (top || (mergeable && (folders.length > 1 || alwaysReal.test(path)))) {
        forest.set(path, { kind: "directory", path, mode: 0o755 });
        merge(path, folders, stillOpen);
      } else {
        forest.set(path, { kind: "symlink", path, target: first.path });
      }
    }
  }
}

interface Candidate {
  readonly path: string;
  readonly place: Place;
}

// In the order of the sources, so that the first candidate of a name is the one that wins.
function candidatesByName(sources: readonly Source[], root: string, resolve: Resolver) {
  const byName = new Map<string, Candidate[]>();
  for (const { path: folder, real } of sources) {
    for (const { name, kind } of entriesIn(root + real)) {
      const place =
        kind === "symlink"
          ? resolve(`${real}/${name}`)
          : { path: `${real}/${name}`, folder: kind === "directory" };
      if (place === undefined) continue;
      const candidate = { path: `${folder}/${name}`, place };
      const others = byName.get(name);
      if (others === undefined) byName.set(name, [candidate]);
      else others.push(candidate);
    }
  }
  return byName;
}

function distinctFolders(candidates: readonly Candidate[]): Source[] {
  const byReal = new Map<string, Source>();
  for (const { path, place } of candidates) {
    if (place.folder && !byReal.has(place.path)) byReal.set(place.path, { path, real: place.path });
  }
  return [...byReal.values()];
}

function sourceOf(path: string, place: Place | undefined): Source[] {
  return place?.folder === true ? [{ path, real: place.path }] : [];
}

// Best first; what packages propagate comes after everything that was asked for, each output once.
function outputsInOrder(
  packages: readonly ForestPackage[],
  root: string,
  resolve: Resolver,
): readonly string[] {
  const ordered = packages.toSorted(
    (a, b) =>
      a.priority - b.priority ||
      Number(b.requested) - Number(a.requested) ||
      compareBytes(a.name, b.name),
  );
  const outputs = new Set(ordered.flatMap((entry) => entry.outputs));
  // A set that grows while it is walked is walked to its new end.
  for (const output of outputs) {
    for (const path of propagatedBy(output, root, resolve)) outputs.add(path);
  }
  return [...outputs];
}

// Nix's own environments install these along with the package: https://nixos.org/manual/nixpkgs, "propagatedUserEnvPkgs".
function propagatedBy(output: string, root: string, resolve: Resolver): readonly string[] {
  // Nearly no package has the file; and where the package's links lead is for the resolver to say, not for this machine.
  const place = resolve(`${output}/nix-support/propagated-user-env-packages`);
  if (place === undefined || place.folder) return [];
  const list = readFileSync(root + place.path, "utf8");
  return list.split(/\s+/).filter((path) => /^\/nix\/store\/[0-9a-z]{32}-[^/\0]+$/.test(path));
}
