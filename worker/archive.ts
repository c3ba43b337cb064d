import { Buffer, isUtf8 } from "node:buffer";
import {
  closeSync,
  type Dirent,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { compareBytes } from "../core/bytewise.ts";
import { PackageFault } from "./package-fault.ts";
import { entryName, tar, type TarEntry } from "./tar.ts";

export interface ArchiveOptions {
  /** Put before each path when it is read, so that a store need not be at `/nix/store`. */
  readonly root?: string;
}

type Kind = TarEntry["kind"];

// Files up to here are read at once, larger ones in pieces.
const wholeBytes = 256 * 1024;
const pieceBytes = 1024 * 1024;
const folderMode = 0o755;

/**
 * Store paths as a tar archive whose bytes depend on names, contents, links and the executable bit alone. Files are
 * never hard links: whether a store was deduplicated (`nix-store --optimise`) must not change a digest.
 * Throws when a file changes while it is read, and a `PackageFault` when a name is not UTF-8 or something is no file,
 * folder or link; what is yielded may be kept.
 */
export async function* archive(
  paths: readonly string[],
  { root = "" }: ArchiveOptions = {},
): AsyncGenerator<Uint8Array> {
  for await (const chunk of tar(storeEntries(paths, root))) {
    yield chunk;
    // Small files are read synchronously: through the thread pool they took four times as long, 32
    // at once. Between chunks everything else in this process gets its turn.
    await setImmediate();
  }
}

function* storeEntries(paths: readonly string[], root: string): Generator<TarEntry> {
  for (const path of ["./", "nix", "nix/store"]) {
    yield { kind: "directory", path, mode: folderMode };
  }
  const found = paths.map((path) => {
    if (!path.startsWith("/nix/store/")) throw new Error(`${path} is not a store path`);
    return { path: path.slice(1), kind: kindOf(lstatSync(root + path), path) };
  });
  yield* tree(sorted(found), root);
}

// With a stack of our own: `yield*` through nested generators costs a step a level for each entry.
function* tree(top: readonly Found[], root: string): Generator<TarEntry> {
  const scratch = Buffer.allocUnsafeSlow(wholeBytes + 1);
  const stack = top.toReversed();
  for (let found = stack.pop(); found !== undefined; found = stack.pop()) {
    const { kind, path } = found;
    const place = `${root}/${path}`;
    switch (kind) {
      case "directory":
        yield { kind, path, mode: 0o555 };
        for (const child of children(path, place).toReversed()) stack.push(child);
        break;
      case "symlink":
        yield { kind, path, target: linkTarget(place) };
        break;
      case "file":
        yield file(path, place, scratch);
        break;
    }
  }
}

interface Found {
  readonly path: string;
  readonly kind: Kind;
}

// Sorting a folder by entry name sorts the archive: everything below `a/` comes between `a.b` and `a0`.
function sorted(found: Found[]): Found[] {
  const named = found.map((entry) => ({ entry, name: entryName(entry) }));
  named.sort((a, b) => compareBytes(a.name, b.name));
  return named.map(({ entry }) => entry);
}

function children(path: string, place: string): Found[] {
  const found = readdirSync(place, { withFileTypes: true });
  if (found.some(({ name }) => name.includes("\uFFFD"))) refuseOtherNames(place);
  const whiteout = found.find(({ name }) => name.startsWith(".wh."));
  if (whiteout !== undefined) throw new PackageFault(noWhiteout(`${place}/${whiteout.name}`));
  return sorted(
    found.map((entry) => ({
      path: `${path}/${entry.name}`,
      kind: kindOf(entry, `${place}/${entry.name}`),
    })),
  );
}

function kindOf(
  entry: Pick<Dirent, "isFile" | "isDirectory" | "isSymbolicLink">,
  place: string,
): Kind {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "directory";
  if (entry.isSymbolicLink()) return "symlink";
  throw new PackageFault(`${place} is neither a file nor a folder nor a symbolic link`);
}

function file(path: string, place: string, scratch: Buffer): TarEntry {
  const handle = openSync(place, "r");
  try {
    const { size, mode: found } = fstatSync(handle);
    const mode = (found & 0o100) === 0 ? 0o444 : 0o555;
    if (size > wholeBytes) return { kind: "file", path, mode, size, content: pieces(place, size) };
    // One byte more than there should be shows whether it has grown.
    const count = size === 0 ? 0 : readSync(handle, scratch, 0, size + 1, 0);
    if (count !== size) throw changed(place, size);
    return { kind: "file", path, mode, size, content: scratch.subarray(0, size) };
  } finally {
    closeSync(handle);
  }
}

async function* pieces(place: string, size: number): AsyncGenerator<Uint8Array> {
  await using handle = await open(place, "r");
  for (let left = size; left > 0;) {
    const piece = Buffer.allocUnsafeSlow(Math.min(pieceBytes, left));
    const { bytesRead } = await handle.read(piece, 0, piece.length, null);
    if (bytesRead === 0) throw changed(place, size);
    left -= bytesRead;
    yield piece.subarray(0, bytesRead);
  }
  const { size: now } = await handle.stat();
  if (now !== size) throw changed(place, size);
}

function changed(place: string, size: number): Error {
  return new Error(`${place} changed while it was read: it had ${size} bytes`);
}

// Whoever unpacks a layer takes such a file for the removal of another. [OCI image specification 1.1, layer.md]
function noWhiteout(place: string): string {
  return `${place} cannot be in an image: what begins with .wh. is not a file there but removes one`;
}

function linkTarget(place: string): string {
  const target = readlinkSync(place);
  if (target.includes("\uFFFD") && !isUtf8(readlinkSync(place, { encoding: "buffer" }))) {
    throw new PackageFault(`the symbolic link ${place} leads to a name that is not UTF-8`);
  }
  return target;
}

// Node reads other bytes as U+FFFD, so that two files could become one; a name may also be that character.
function refuseOtherNames(place: string): void {
  for (const name of readdirSync(place, { encoding: "buffer" })) {
    if (!isUtf8(name)) {
      throw new PackageFault(
        `${place} has a name that is not UTF-8: ${JSON.stringify(name.toString("latin1"))}`,
      );
    }
  }
}
