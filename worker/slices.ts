import { lstatSync } from "node:fs";
import type { ArchiveOptions, Slice } from "./archive.ts";
import { placeOf } from "./file-name.ts";
import { walk } from "./store-walk.ts";
import { blockBytes, padding } from "./tar-header.ts";

/** A slice and what it takes in a tar, in bytes. */
export interface SizedSlice {
  readonly slice: Slice;
  readonly size: number;
}

/**
 * Cuts a store path at the borders of its files into slices of at most `limit` bytes of tar, larger only where one file
 * is. It depends on the path's content alone: slices are compressed once, whichever layers they then are in.
 */
export function slicesOf(
  path: string,
  limit: number,
  { root = "" }: ArchiveOptions = {},
): readonly SizedSlice[] {
  const slices: SizedSlice[] = [];
  let slice: Slice = { path };
  let size = 0;
  for (const found of walk(path, root)) {
    const needed = entrySize(
      found.kind === "file" ? lstatSync(placeOf(`${root}/${found.path}`)).size : 0,
    );
    if (size > 0 && size + needed > limit) {
      slices.push({ slice: { ...slice, before: found.path }, size });
      [slice, size] = [{ path, first: found.path }, 0];
    }
    size += needed;
  }
  return [...slices, { slice, size }];
}

function entrySize(size: number): number {
  return blockBytes + size + padding(size);
}
