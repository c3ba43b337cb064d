import type { Buffer } from "node:buffer";
import { type Dirent, lstatSync, readdirSync, readlinkSync } from "node:fs";
import { compareBytes } from "../core/bytewise.ts";
import { compareNames, nameOf, placeOf, printableName } from "./file-name.ts";
import { PackageFault } from "./package-fault.ts";
import { entryName, type TarEntry } from "./tar-header.ts";

/** What is at a path; `path` is relative to the root, as in the archive, and as `nameOf` gives names. */
export interface Found {
  readonly path: string;
  readonly kind: TarEntry["kind"];
}

/** Where a path of `/nix/store` is read, `root` being put before it. Throws for other paths. */
export function storePlace(path: string): string {
  if (!path.startsWith("/nix/store/")) throw new Error(`${path} is not a store path`);
  return path.slice(1);
}

/**
 * All that is in a store path, itself first, in the order of the archive; or from the entry at `first` up to, but
 * without, the one at `before`. Throws a `PackageFault` where something is no file, folder or link, or would not be
 * what it is in a layer.
 */
export function* walk(
  path: string,
  root: string,
  { first, before }: { readonly first?: string; readonly before?: string } = {},
): Generator<Found> {
  const top = storePlace(path);
  let isWithin = first === undefined;
  // With a stack of our own: `yield*` through nested generators costs a step a level for each entry.
  const stack: Found[] = [{ path: top, kind: kindOf(lstatSync(root + path), path) }];
  for (let found = stack.pop(); found !== undefined; found = stack.pop()) {
    if (found.path === before) return;
    isWithin ||= found.path === first;
    if (isWithin) yield found;
    if (found.kind !== "directory") continue;
    // What comes before the first is not looked into.
    if (!isWithin && first?.startsWith(`${found.path}/`) !== true) continue;
    const inside = children(found.path, root);
    for (let i = inside.length - 1; i >= 0; i--) stack.push(inside[i] as Found); // in bounds
  }
}

/** The target of a symbolic link, as `nameOf` gives names. */
export function linkTarget(place: string): string {
  const target = readlinkSync(placeOf(place));
  return target.includes("\uFFFD")
    ? nameOf(readlinkSync(placeOf(place), { encoding: "buffer" }))
    : target;
}

function children(path: string, root: string): Found[] {
  const place = `${root}/${path}`;
  const found = entriesIn(place);
  const whiteout = found.find(({ name }) => name.startsWith(".wh."));
  if (whiteout !== undefined) {
    throw new PackageFault(noWhiteout(printableName(`${place}/${whiteout.name}`)));
  }
  const isText = found.every(({ name }) => name.isWellFormed());
  // Sorting a folder by entry name sorts the archive: everything below `a/` comes between `a.b` and `a0`.
  const compare = isText ? compareBytes : compareNames;
  const named = found.map(({ name, kind }) => {
    const entry = { path: `${path}/${name}`, kind };
    return { entry, key: entryName({ path: name, kind }) };
  });
  named.sort((a, b) => compare(a.key, b.key));
  return named.map(({ entry }) => entry);
}

/** What is in a folder, in any order. Throws a `PackageFault` where something is no file, folder or link. */
export function entriesIn(
  place: string,
): readonly { readonly name: string; readonly kind: Found["kind"] }[] {
  const found = readdirSync(placeOf(place), { withFileTypes: true });
  const named = (entry: Dirent | Dirent<Buffer>, name: string) => ({
    name,
    kind: kindOf(entry, `${place}/${name}`),
  });
  // A name may also be that character; bytes alone tell.
  if (!found.some(({ name }) => name.includes("\uFFFD"))) {
    return found.map((entry) => named(entry, entry.name));
  }
  const inBytes = readdirSync(placeOf(place), { withFileTypes: true, encoding: "buffer" });
  return inBytes.map((entry) => named(entry, nameOf(entry.name)));
}

function kindOf(
  entry: Pick<Dirent, "isFile" | "isDirectory" | "isSymbolicLink">,
  place: string,
): Found["kind"] {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "directory";
  if (entry.isSymbolicLink()) return "symlink";
  const said = printableName(place);
  throw new PackageFault(`${said} is neither a file nor a folder nor a symbolic link`);
}

// Whoever unpacks a layer takes such a file for the removal of another. [OCI image specification 1.1, layer.md]
function noWhiteout(place: string): string {
  return `${place} cannot be in an image: what begins with .wh. is not a file there but removes one`;
}
