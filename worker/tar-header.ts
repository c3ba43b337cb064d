import { Header } from "tar/header";
import { Pax } from "tar/pax";
import { nameBytes } from "./file-name.ts";

/** One entry of an archive. Paths are relative, without a trailing slash except the root's, `./`. */
export type TarEntry =
  | { readonly kind: "directory"; readonly path: string; readonly mode: number }
  | { readonly kind: "symlink"; readonly path: string; readonly target: string }
  | {
      readonly kind: "file";
      readonly path: string;
      readonly mode: number;
      readonly size: number;
      /** Exactly `size` bytes. Each piece may be used again once the next one, or the next entry, is asked for. */
      readonly content: Uint8Array | Iterable<Uint8Array>;
    };

export const blockBytes = 512;
// Nix gives every file of its store this time, and so do we: one second after 1970.
const time = new Date(1000);
const nobody = { uid: 0, gid: 0, uname: "", gname: "", mtime: time };

/** The blocks before an entry's content: its header, and before it a PAX record where a plain header cannot say all. */
export function headerOf(entry: TarEntry): readonly Buffer[] {
  const path = entryName(entry);
  const linkpath = entry.kind === "symlink" ? entry.target : undefined;
  const size = entry.kind === "file" ? entry.size : 0;
  const isText = path.isWellFormed() && linkpath?.isWellFormed() !== false;
  const header = new Header({
    ...nobody,
    type: types[entry.kind],
    path: asText(path),
    mode: entry.kind === "symlink" ? 0o777 : entry.mode,
    size,
    ...(linkpath === undefined ? {} : { linkpath: asText(linkpath) }),
  });
  const block = Buffer.alloc(blockBytes);
  if (!header.encode(block) && isText) return [block];
  const link = linkpath === undefined ? {} : { linkpath };
  const large = size >= largeBytes ? { size } : {};
  const body = isText
    ? Buffer.from(new Pax({ path, ...link, ...large }).encodeBody())
    : binaryRecords({ path, ...link, ...(size >= largeBytes ? { size: `${size}` } : {}) });
  return [recordsHeader(body.length), body, Buffer.alloc(padding(body.length)), block];
}

/** The name that an entry has in the archive, by which entries are sorted: directories end with a slash. */
export function entryName(entry: Pick<TarEntry, "kind" | "path">): string {
  return entry.kind === "directory" && !entry.path.endsWith("/") ? `${entry.path}/` : entry.path;
}

// Twelve octal digits hold sizes below this.
const largeBytes = 8 * 1024 ** 3;
const types = { directory: "Directory", symlink: "SymbolicLink", file: "File" } as const;

/** Zeros that fill up the last block of so many bytes. */
export function padding(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes;
}

// Of what is no text the header itself says something that is; whoever can read the records never sees it.
function asText(name: string): string {
  return name.toWellFormed();
}

// The name of the records' own header is never seen by whoever can read them.
function recordsHeader(size: number): Buffer {
  const block = Buffer.alloc(blockBytes);
  const header = {
    ...nobody,
    type: "ExtendedHeader",
    path: "PaxHeader",
    mode: 0o644,
    size,
  } as const;
  new Header(header).encode(block);
  return block;
}

/**
 * Records whose values are bytes and no text, which is said first. The library writes text only.
 * [POSIX.1-2008, pax, "pax Extended Header": hdrcharset]
 */
function binaryRecords(values: Readonly<Record<string, string>>): Buffer {
  const all = { hdrcharset: "BINARY", ...values };
  return Buffer.concat(
    Object.entries(all).map(([key, value]) => {
      const rest = Buffer.concat([Buffer.from(` ${key}=`), nameBytes(value), Buffer.of(0x0a)]);
      // The length counts its own digits.
      let length = rest.length + 1;
      while (`${length}`.length + rest.length !== length) length = `${length}`.length + rest.length;
      return Buffer.concat([Buffer.from(`${length}`), rest]);
    }),
  );
}
