import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { dirname } from "node:path";
import { placeOf, printableName } from "./file-name.ts";
import { borrow } from "./lent-buffer.ts";
import { linkTarget, storePlace, walk } from "./store-walk.ts";
import { endOfArchive, tarEntries, type TarEntry } from "./tar.ts";

/** A store path, or a run of its entries. */
export interface Slice {
  /** Below `/nix/store`. */
  readonly path: string;
  /** The entry it begins with, as it is called in the archive; left out, the path itself. */
  readonly first?: string;
  /** The entry that the next slice begins with; left out, there is none. */
  readonly before?: string;
}

/** A part of a layer's archive; its bytes do not depend on what else is in the layer. */
export type Part =
  /** The folders that lead to the first entry of a slice. */
  | { readonly kind: "lead"; readonly slice: Slice }
  | { readonly kind: "entries"; readonly slice: Slice }
  | { readonly kind: "end" };

export interface ArchiveOptions {
  /** Put before each path when it is read, so that a store need not be at `/nix/store`. */
  readonly root?: string;
}

// Files up to here are read at once, larger ones in pieces.
const wholeBytes = 256 * 1024;
const folderMode = 0o755;
const inStoreMode = 0o555;

/**
 * What a layer's archive is made of, in its order: one part for the folders that lead to the first slice, one for each
 * slice, and the end. Slices come in the order of their paths, those of one path one after the other.
 */
export function archiveParts(slices: readonly Slice[]): readonly Part[] {
  const [first] = slices;
  if (first === undefined) throw new Error("a layer holds at least one store path");
  return [
    { kind: "lead", slice: first },
    ...slices.map((slice): Part => ({ kind: "entries", slice })),
    { kind: "end" },
  ];
}

/**
 * The bytes of a part, which depend on names, contents, links and the executable bit alone. Files are never hard links:
 * whether a store was deduplicated (`nix-store --optimise`) must not change a digest. Chunks are lent, as those of
 * `tarEntries` are. Throws when a file changes while it is read, and a `PackageFault` as `walk` does.
 *
 * Everything is read synchronously, which is for threads of their own (`worker/pack-thread.ts`): small files took four
 * times as long through the thread pool, 32 at once.
 */
export function partBytes(part: Part, { root = "" }: ArchiveOptions = {}): Iterable<Uint8Array> {
  switch (part.kind) {
    case "lead":
      return tarEntries(leadEntries(part.slice));
    case "entries":
      return tarEntries(sliceEntries(part.slice, root));
    case "end":
      return [endOfArchive];
  }
}

function* leadEntries({ path: storePath, first }: Slice): Generator<TarEntry> {
  for (const path of ["./", "nix", "nix/store"]) {
    yield { kind: "directory", path, mode: folderMode };
  }
  // What comes first in the middle of a path is in folders that an earlier layer has; each layer says them again.
  const top = storePlace(storePath);
  const above: string[] = [];
  for (let path = first ?? top; path !== top; above.unshift(path)) path = dirname(path);
  for (const path of above) yield { kind: "directory", path, mode: inStoreMode };
}

function* sliceEntries(slice: Slice, root: string): Generator<TarEntry> {
  using scratch = borrow(wholeBytes + 1);
  for (const { kind, path } of walk(slice.path, root, slice)) {
    const place = `${root}/${path}`;
    switch (kind) {
      case "directory":
        yield { kind, path, mode: inStoreMode };
        break;
      case "symlink":
        yield { kind, path, target: linkTarget(place) };
        break;
      case "file": {
        const handle = openSync(placeOf(place), "r");
        try {
          yield fileEntry(path, place, handle, scratch.bytes);
        } finally {
          closeSync(handle);
        }
        break;
      }
    }
  }
}

function fileEntry(path: string, place: string, handle: number, scratch: Buffer): TarEntry {
  const { size, mode: found } = fstatSync(handle);
  const mode = (found & 0o100) === 0 ? 0o444 : 0o555;
  const entry = { kind: "file", path, mode, size } as const;
  if (size > wholeBytes) return { ...entry, content: pieces(handle, place, size, scratch) };
  // One byte more than there should be shows whether it has grown.
  const count = size === 0 ? 0 : readSync(handle, scratch, 0, size + 1, 0);
  if (count !== size) throw changed(place, size);
  return { ...entry, content: scratch.subarray(0, size) };
}

function* pieces(
  handle: number,
  place: string,
  size: number,
  scratch: Buffer,
): Generator<Uint8Array> {
  for (let left = size; left > 0;) {
    const count = readSync(handle, scratch, 0, Math.min(wholeBytes, left), null);
    if (count === 0) throw changed(place, size);
    left -= count;
    yield scratch.subarray(0, count);
  }
  if (fstatSync(handle).size !== size) throw changed(place, size);
}

function changed(place: string, size: number): Error {
  const said = printableName(place);
  return new Error(`${said} changed while it was read: it had ${size} bytes`);
}
