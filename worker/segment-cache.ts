import { mkdir, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { basename, join } from "node:path";

/** A compressed part of a layer, in a file. CRC-32 of its bytes, and of what they were before. */
export interface Segment {
  readonly size: number;
  readonly crc: number;
  readonly rawCrc: number;
}

/** A segment that is there until it is disposed of. */
export interface HeldSegment extends Segment, Disposable {
  readonly file: string;
}

/** Segments on the worker's disk, bounded by bytes: what was not used for longest goes first. */
export interface SegmentCache {
  /** A folder of the same file system, for what is about to be a segment; emptied at the start. */
  readonly staging: string;
  hold(key: string): HeldSegment | undefined;
  /** Moves a file in. */
  add(key: string, file: string, segment: Segment): Promise<void>;
  drop(key: string): Promise<void>;
  /** Drops all that nobody holds. */
  clear(): Promise<void>;
}

interface Entry extends Segment {
  readonly file: string;
  holders: number;
}

/**
 * Opens the cache in a folder that belongs to this process alone: files called `<key>-<CRC before>-<CRC>`. Whether the
 * bytes are still those is seen by whoever reads them.
 */
export async function openSegmentCache(folder: string, limitBytes: number): Promise<SegmentCache> {
  const staging = join(folder, "staging");
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { recursive: true });
  // From the one that was not used for longest to the one used last.
  const entries = new Map<string, Entry>(
    (await entriesIn(folder)).map(({ key, entry }) => [key, entry]),
  );
  let total = [...entries.values()].reduce((sum, { size }) => sum + size, 0);
  await evict();
  return {
    staging,
    hold(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entries.delete(key);
      entries.set(key, entry);
      entry.holders += 1;
      const now = new Date();
      // For the next start only, so nothing is lost if it cannot be written.
      utimes(entry.file, now, now).catch(() => undefined);
      const { file, size, crc, rawCrc } = entry;
      return { file, size, crc, rawCrc, [Symbol.dispose]: () => void (entry.holders -= 1) };
    },
    async add(key, file, segment) {
      if (segment.size > limitBytes || entries.has(key)) return;
      const name = [key, hex(segment.rawCrc), hex(segment.crc)].join("-");
      const entry = { ...segment, file: join(folder, name), holders: 0 };
      await rename(file, entry.file);
      entries.set(key, entry);
      total += entry.size;
      await evict();
    },
    drop: remove,
    async clear() {
      for (const [key, { holders }] of entries) if (holders === 0) await remove(key);
    },
  };

  async function evict(): Promise<void> {
    for (const [key, { holders }] of entries) {
      if (total <= limitBytes) return;
      if (holders === 0) await remove(key);
    }
  }

  async function remove(key: string): Promise<void> {
    const entry = entries.get(key);
    if (entry === undefined) return;
    entries.delete(key);
    total -= entry.size;
    await rm(entry.file, { force: true });
  }
}

const named = /^([0-9a-f]{64})-([0-9a-f]{8})-([0-9a-f]{8})$/;

async function entriesIn(folder: string) {
  const found = await Promise.all(
    (await readdir(folder)).map(async (name) => {
      const [, key, rawCrc = "", crc = ""] = named.exec(basename(name)) ?? [];
      if (key === undefined) return [];
      const file = join(folder, name);
      const { size, mtimeMs } = await stat(file);
      const crcs = { rawCrc: Number.parseInt(rawCrc, 16), crc: Number.parseInt(crc, 16) };
      return [{ key, usedAt: mtimeMs, entry: { file, size, ...crcs, holders: 0 } }];
    }),
  );
  return found.flat().sort((a, b) => a.usedAt - b.usedAt);
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, "0");
}
