import { createReadStream, mkdirSync, renameSync, rmSync, utimesSync } from "node:fs";
import { open, readFile as readWhole, rm, stat } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import { digestOf, hexOf, measured, type Digest, type Measure } from "../digest.ts";
import type { BlobStore, Clock } from "../ports.ts";
import { blobFolder, touch } from "./stored-blobs.ts";

/**
 * `BlobStore` in a folder: `blobs/sha256/<hex>`, written as `staging/<uuid>`, flushed to the disk and renamed.
 * The folder belongs to this process alone, so whatever lies in `staging` at the start is a leftover and goes.
 */
export function createLocalBlobStore(folder: string, now: Clock = Date.now): BlobStore {
  const staging = join(folder, "staging");
  const blobs = blobFolder(folder);
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(staging, { recursive: true });
  mkdirSync(blobs, { recursive: true });
  const pathOf = (digest: Digest) => join(blobs, hexOf(digest));

  // What a file looked like when its bytes were last hashed: reading it again would tell nothing new.
  const sound = new Map<Digest, string>();
  const readings = new Map<Digest, Promise<Measure>>();

  /** A file whose bytes no longer have the digest it is called by is as good as none. It is read once a process. */
  async function soundOrAbsent(digest: Digest) {
    const path = pathOf(digest);
    const found = await statOrAbsent(path);
    if (found === undefined || sound.get(digest) === found.stamp) return found;
    // Whoever asks while it is read waits for the same reading.
    const reading = readings.get(digest) ?? measure(createReadStream(path));
    readings.set(digest, reading);
    try {
      if ((await reading).digest !== digest) return undefined;
    } finally {
      readings.delete(digest);
    }
    sound.set(digest, found.stamp);
    return found;
  }

  return {
    async stat(digest) {
      const found = await soundOrAbsent(digest);
      return found && { size: found.size };
    },
    async locate(digest) {
      const path = pathOf(digest);
      const found = await soundOrAbsent(digest);
      if (found === undefined) return undefined;
      return {
        at: "here",
        size: found.size,
        open: ({ first, last }) => readFile(path, first, last),
      };
    },
    async read(digest, limitBytes) {
      const path = pathOf(digest);
      const found = await statOrAbsent(path);
      if (found === undefined) return undefined;
      if (found.size > limitBytes) {
        throw new Error(`${digest} has ${found.size} bytes, and ${limitBytes} are the limit`);
      }
      const bytes = await readWhole(path);
      return digestOf(bytes) === digest ? bytes : undefined;
    },
    async write(bytes, signal) {
      const staged = join(staging, randomUUID());
      try {
        const stored = await writeWhole(staged, bytes, signal);
        const path = pathOf(stored.digest);
        utimesSync(staged, now() / 1000, now() / 1000);
        // In one turn, as a sweep looks and removes: it must not remove what has just taken the place of what it saw.
        renameSync(staged, path);
        await flush(dirname(path));
        const written = await statOrAbsent(path);
        if (written !== undefined) sound.set(stored.digest, written.stamp);
        return stored;
      } catch (error) {
        await rm(staged, { force: true });
        throw error;
      }
    },
    async isSound(digest, size) {
      const found = await statOrAbsent(pathOf(digest));
      return found?.size === size && (await soundOrAbsent(digest)) !== undefined;
    },
    async hold(digest, size) {
      const found = await soundOrAbsent(digest);
      if (found?.size !== size || !touch(pathOf(digest), now())) return false;
      const held = await statOrAbsent(pathOf(digest));
      // The times have changed, and nothing else.
      if (held !== undefined) sound.set(digest, held.stamp);
      return held?.size === size;
    },
  };
}

/** Opens nothing before the first byte is asked for: a client may be gone by then. */
async function* readFile(path: string, start: number, end: number): AsyncGenerator<Uint8Array> {
  // Of nothing there is nothing to read: the range of an empty blob ends before it begins.
  if (end < start) return;
  for await (const chunk of createReadStream(path, { start, end })) yield chunk as Uint8Array; // no encoding was set
}

async function writeWhole(
  path: string,
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<Measure> {
  await using file = await open(path, "wx");
  let complete: Measure | undefined;
  for await (const chunk of measured(bytes, (all) => (complete = all))) {
    signal.throwIfAborted();
    await file.writeFile(chunk);
  }
  signal.throwIfAborted();
  await file.sync();
  const { size } = await file.stat();
  if (complete === undefined || size !== complete.size) {
    throw new Error(`${path} holds ${size} bytes of the ${complete?.size ?? 0} that were written`);
  }
  return complete;
}

async function measure(bytes: AsyncIterable<Uint8Array>): Promise<Measure> {
  let complete: Measure | undefined;
  for await (const _ of measured(bytes, (end) => (complete = end)));
  if (complete === undefined) throw new Error("a stream ended without its measure");
  return complete;
}

async function flush(folder: string): Promise<void> {
  await using handle = await open(folder, "r");
  await handle.sync();
}

async function statOrAbsent(path: string) {
  try {
    const found = await stat(path);
    return { size: found.size, stamp: `${found.ino}:${found.size}:${found.mtimeMs}` };
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
