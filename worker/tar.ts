import { borrow } from "./lent-buffer.ts";
import { writePlainHeader } from "./plain-header.ts";
import { blockBytes, headerOf, padding, type TarEntry } from "./tar-header.ts";

export { entryName, type TarEntry } from "./tar-header.ts";

// Large enough that compressors and hashes downstream are called seldom.
const chunkBytes = 256 * 1024;
// What is at least this large passes through in its own buffer, without a copy.
const passBytes = 64 * 1024;

/**
 * Writes entries as a POSIX tar archive without its end. The bytes depend on the entries and on nothing else: owner 0:0
 * without names, one time, no PAX record but for what a plain header cannot say.
 *
 * Chunks are lent: each is valid until the next one is asked for, and its memory is then used again. Memory of its own
 * for each cost more than all else that is done with it.
 */
export function* tarEntries(entries: Iterable<TarEntry>): Generator<Uint8Array> {
  using buffer = borrow(chunkBytes);
  const out = new Chunk(buffer.bytes);
  for (const entry of entries) {
    if (!out.hasRoom(blockBytes)) yield* out.rest();
    if (!out.header(entry)) for (const block of headerOf(entry)) yield* out.copy(block);
    if (entry.kind !== "file") continue;
    const end = entry.size + padding(entry.size);
    // Most files are small, and a generator for each costs more than all that it does.
    if (end <= passBytes && !out.hasRoom(end)) yield* out.rest();
    if (end > passBytes || !out.content(entry)) yield* writeContent(out, entry);
  }
  yield* out.rest();
}

/** The two blocks of zeros that end an archive. */
export const endOfArchive: Uint8Array = new Uint8Array(2 * blockBytes);

/** A whole archive, in chunks that may be kept: for small ones. */
export function* tar(entries: Iterable<TarEntry>): Generator<Uint8Array> {
  for (const chunk of tarEntries(entries)) yield Buffer.from(chunk);
  yield endOfArchive;
}

function* writeContent(out: Chunk, file: TarEntry & { kind: "file" }): Generator<Uint8Array> {
  let written = 0;
  const { content } = file;
  for (const piece of content instanceof Uint8Array ? [content] : content) {
    written += piece.length;
    if (piece.length < passBytes) yield* out.copy(piece);
    else {
      yield* out.rest();
      yield piece;
    }
  }
  if (written !== file.size) {
    throw new Error(`${file.path} has ${written} bytes where ${file.size} were announced`);
  }
  yield* out.copy(endOfArchive.subarray(0, padding(written)));
}

// Gathers what is small.
class Chunk {
  readonly #bytes: Buffer;
  #used = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  hasRoom(size: number): boolean {
    return this.#used + size <= chunkBytes;
  }

  /** Whether it is in here now; there has to be room for a block. */
  header(entry: TarEntry): boolean {
    if (!writePlainHeader(entry, this.#bytes, this.#used)) return false;
    this.#used += blockBytes;
    return true;
  }

  /** Whether it is in here now, as it is if it comes in one piece; there has to be room for it and what fills its block. */
  content({ size, content }: TarEntry & { kind: "file" }): boolean {
    if (!(content instanceof Uint8Array) || content.length !== size) return false;
    const end = size + padding(size);
    this.#bytes.set(content, this.#used);
    this.#bytes.fill(0, this.#used + size, this.#used + end);
    this.#used += end;
    return true;
  }

  *copy(bytes: Uint8Array): Generator<Uint8Array> {
    for (let from = 0; from < bytes.length;) {
      const count = Math.min(bytes.length - from, chunkBytes - this.#used);
      this.#bytes.set(bytes.subarray(from, from + count), this.#used);
      from += count;
      this.#used += count;
      if (this.#used === chunkBytes) yield* this.rest();
    }
  }

  *rest(): Generator<Uint8Array> {
    if (this.#used === 0) return;
    yield this.#bytes.subarray(0, this.#used);
    this.#used = 0;
  }
}
