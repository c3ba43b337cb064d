import { compareBytes } from "../core/bytewise.ts";
import { accountFiles } from "./accounts.ts";
import { compareNames } from "./file-name.ts";
import { type Forest, type ForestPackage, plantForest } from "./forest.ts";
import { entryName, type TarEntry } from "./tar.ts";

export interface RootLayerOptions {
  readonly packages: readonly ForestPackage[];
  /** Put before the store when it is read, so that it need not be at `/nix/store`. */
  readonly root?: string;
}

/** The layer of an image that is not in the store, and what the image's configuration has to say because of it. */
export interface RootLayer {
  /** The root first, then sorted bytewise by name in the archive: each folder before what it holds. */
  readonly entries: readonly TarEntry[];
  /** `NAME=value`, sorted. */
  readonly environment: readonly string[];
}

// The first two are where the forest puts programs, the others where people who build FROM an image put theirs.
const searchPath = "/bin:/sbin:/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin";
const bundle = "etc/ssl/certs/ca-bundle.crt";
// The same file by Debian's name, which OpenSSL, Go and many scripts look for.
const certificates = "etc/ssl/certs/ca-certificates.crt";

/**
 * Makes the root layer: the forest of links to the packages, and what programs expect of any system.
 * Throws when a package cannot be read; one that is not there links nothing.
 */
export function rootLayer({ packages, root = "" }: RootLayerOptions): RootLayer {
  const forest = plantForest(packages, root);
  linkFirst(forest, "bin/sh", ["bin/sh", "bin/bash"]);
  // Scripts start with #!/usr/bin/env. Where no package has it, no link is better than one that leads nowhere.
  linkFirst(forest, "usr/bin/env", ["usr/bin/env", "bin/env"]);
  linkFirst(forest, bundle, [bundle, certificates]);
  linkFirst(forest, certificates, [certificates, bundle]);
  put(forest, { kind: "directory", path: "root", mode: 0o700 });
  put(forest, { kind: "directory", path: "tmp", mode: 0o1777 });
  put(forest, { kind: "directory", path: "var/tmp", mode: 0o1777 });
  for (const [path, text] of accountFiles(shellOf(forest))) {
    const content = Buffer.from(text);
    put(forest, { kind: "file", path, mode: 0o644, size: content.length, content });
  }
  return { entries: sortedEntries(forest), environment: environmentOf(forest) };
}

// Links `path` to what the first of `candidates` that is there links to.
function linkFirst(forest: Forest, path: string, candidates: readonly string[]): void {
  for (const candidate of candidates) {
    const found = forest.get(candidate);
    if (found?.kind !== "symlink") continue;
    put(forest, { kind: "symlink", path, target: found.target });
    return;
  }
}

// What is put wins over what packages brought, and so do the folders that it needs.
function put(forest: Forest, entry: TarEntry): void {
  const parts = entry.path.split("/");
  for (let depth = 1; depth < parts.length; depth++) {
    const path = parts.slice(0, depth).join("/");
    if (forest.get(path)?.kind !== "directory") {
      forest.set(path, { kind: "directory", path, mode: 0o755 });
    }
  }
  if (entry.kind !== "directory") {
    for (const path of forest.keys()) if (path.startsWith(`${entry.path}/`)) forest.delete(path);
  }
  forest.set(entry.path, entry);
}

function shellOf(forest: Forest): string | undefined {
  const found = ["bin/bash", "bin/sh"].find((path) => forest.get(path)?.kind === "symlink");
  return found === undefined ? undefined : `/${found}`;
}

function sortedEntries(forest: Forest): readonly TarEntry[] {
  const named = [...forest.values()].map((entry) => ({ entry, name: entryName(entry) }));
  const isText = named.every(({ name }) => name.isWellFormed());
  const compare = isText ? compareBytes : compareNames;
  named.sort((a, b) => compare(a.name, b.name));
  const top: TarEntry = { kind: "directory", path: "./", mode: 0o755 };
  return [top, ...named.map(({ entry }) => entry)];
}

function environmentOf(forest: Forest): readonly string[] {
  const variables = ["LANG=C.UTF-8", `PATH=${searchPath}`];
  // Nix's OpenSSL reads the first, everybody else's the second.
  if (forest.has(bundle)) {
    variables.push(`NIX_SSL_CERT_FILE=/${bundle}`, `SSL_CERT_FILE=/${bundle}`);
  }
  return variables.sort(compareBytes);
}
