import { Header, Pax } from "tar";

/** One entry of an archive. Paths are relative, without a trailing slash except the root's, `./`. */
export type TarEntry =
  | { readonly kind: "directory"; readonly path: string; readonly mode: number }
  | { readonly kind: "symlink"; readonly path: string; readonly target: string }
  | {
      readonly kind: "file";
      readonly path: string;
      readonly mode: number;
      readonly size: number;
      /** Exactly `size` bytes. Bytes handed over whole may be used again once the next entry is asked for. */
      readonly content: Uint8Array | AsyncIterable<Uint8Array>;
    };

const blockBytes = 512;
// Large enough that compressors and hashes downstream are called seldom, small enough to wait for.
const chunkBytes = 256 * 1024;
// What is at least this large passes through in its own buffer, without a copy.
const passBytes = 64 * 1024;
// Nix gives every file of its store this time, and so do we: one second after 1970.
const time = new Date(1000);

/**
 * Writes entries as a POSIX tar archive, in chunks of their own memory. The bytes depend on the entries and on nothing
 * else: owner 0:0 without names, one time, no PAX record but for what a plain header cannot say.
 */
export async function* tar(entries: Iterable<TarEntry>): AsyncGenerator<Uint8Array> {
  const out = new Chunks();
  for (const entry of entries) {
    writeHeader(out, entry);
    if (entry.kind === "file") yield* writeContent(out, entry);
    yield* out.full();
  }
  out.zeros(2 * blockBytes);
  yield* out.rest();
}

async function* writeContent(out: Chunks, file: TarEntry & { kind: "file" }) {
  let written = 0;
  if (file.content instanceof Uint8Array) {
    written = file.content.length;
    out.copy(file.content);
  } else {
    for await (const piece of file.content) {
      written += piece.length;
      if (piece.length < passBytes) {
        out.copy(piece);
        continue;
      }
      yield* out.rest();
      yield piece;
    }
  }
  if (written !== file.size) {
    throw new Error(`${file.path} has ${written} bytes where ${file.size} were announced`);
  }
  out.zeros(padding(written));
}

function writeHeader(out: Chunks, entry: TarEntry): void {
  const common = { uid: 0, gid: 0, uname: "", gname: "", mtime: time };
  const path = entryName(entry);
  const size = entry.kind === "file" ? entry.size : 0;
  const header = new Header(
    entry.kind === "symlink"
      ? { ...common, type: "SymbolicLink", path, mode: 0o777, size, linkpath: entry.target }
      : entry.kind === "directory"
        ? { ...common, type: "Directory", path, mode: entry.mode, size }
        : { ...common, type: "File", path, mode: entry.mode, size },
  );
  const block = Buffer.alloc(blockBytes);
  if (header.encode(block)) writeRecords(out, entry, path, size);
  out.copy(block);
}

// The name of the records' own header is never seen by whoever can read them.
function writeRecords(out: Chunks, entry: TarEntry, path: string, size: number): void {
  const link = entry.kind === "symlink" ? { linkpath: entry.target } : {};
  // Twelve octal digits hold sizes below 8 GiB.
  const large = size >= 8 * 1024 ** 3 ? { size } : {};
  const body = Buffer.from(new Pax({ path, ...link, ...large }).encodeBody());
  const header = { path: "PaxHeader", mode: 0o644, size: body.length, mtime: time };
  const block = Buffer.alloc(blockBytes);
  new Header({ ...header, type: "ExtendedHeader", uid: 0, gid: 0, uname: "", gname: "" }).encode(
    block,
  );
  out.copy(block);
  out.copy(body);
  out.zeros(padding(body.length));
}

/** The name that an entry has in the archive, by which entries are sorted: directories end with a slash. */
export function entryName(entry: Pick<TarEntry, "kind" | "path">): string {
  return entry.kind === "directory" && !entry.path.endsWith("/") ? `${entry.path}/` : entry.path;
}

function padding(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes;
}

// Gathers what is small. A chunk that was handed on is never written again: whoever has it may keep it.
class Chunks {
  #chunk = Buffer.allocUnsafeSlow(chunkBytes);
  #used = 0;
  #ready: Buffer[] = [];

  copy(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length;) {
      const count = Math.min(bytes.length - from, chunkBytes - this.#used);
      this.#chunk.set(bytes.subarray(from, from + count), this.#used);
      from += count;
      this.#advance(count);
    }
  }

  zeros(count: number): void {
    for (let left = count; left > 0;) {
      const now = Math.min(left, chunkBytes - this.#used);
      this.#chunk.fill(0, this.#used, this.#used + now);
      left -= now;
      this.#advance(now);
    }
  }

  *full(): Generator<Uint8Array> {
    yield* this.#ready.splice(0);
  }

  *rest(): Generator<Uint8Array> {
    yield* this.full();
    if (this.#used === 0) return;
    yield this.#chunk.subarray(0, this.#used);
    this.#chunk = Buffer.allocUnsafeSlow(chunkBytes);
    this.#used = 0;
  }

  #advance(count: number): void {
    this.#used += count;
    if (this.#used < chunkBytes) return;
    this.#ready.push(this.#chunk);
    this.#chunk = Buffer.allocUnsafeSlow(chunkBytes);
    this.#used = 0;
  }
}
