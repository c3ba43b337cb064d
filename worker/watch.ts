import { readdir, readFile, statfs } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** What a program with all its children may take of the machine. */
export interface Bounds {
  readonly memoryBytes: number;
  readonly processes: number;
  /** How much has to stay free on the disk of a folder, whoever fills it. */
  readonly disk?: { readonly folder: string; readonly freeBytes: number };
}

export type Excess =
  | { readonly of: "memory"; readonly limitBytes: number }
  | { readonly of: "processes"; readonly limit: number }
  | { readonly of: "disk"; readonly freeBytes: number };

const everyMs = 200;

/**
 * Looks at a process and all its descendants five times a second, until `signal` is aborted, and tells what they took too
 * much of, once. Never rejects.
 */
export async function watch(
  pid: number,
  bounds: Bounds,
  tell: (excess: Excess) => void,
  signal: AbortSignal,
): Promise<void> {
  try {
    while (!signal.aborted) {
      const found = await excessOf(pid, bounds);
      if (signal.aborted) return;
      if (found !== undefined) return tell(found);
      await sleep(everyMs, undefined, { signal }).catch(() => undefined); // it ends sooner
    }
  } finally {
    written.delete(pid);
  }
}

// By process that is watched: how much it wrote with its descendants. Who wrote most is to blame for a full disk, and the
// others are given the time that it takes to clean up.
const written = new Map<number, number>();
const cleaningMs = 5000;
let blamedAt = -Infinity;

/** What there was too much of, for people. */
export function excessText(excess: Excess): string {
  switch (excess.of) {
    case "memory":
      return `it took more than ${inMegabytes(excess.limitBytes)} of memory`;
    case "processes":
      return `it had more than ${excess.limit} processes`;
    case "disk":
      return `less than ${inMegabytes(excess.freeBytes)} of the disk were left`;
  }
}

function inMegabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

async function excessOf(pid: number, bounds: Bounds): Promise<Excess | undefined> {
  const tree = await treeOf(pid, bounds.processes);
  if (tree.length > bounds.processes) return { of: "processes", limit: bounds.processes };
  const { memoryBytes: limitBytes, disk } = bounds;
  // What processes share counts for each of them at first, which costs nothing to ask for; the exact sum does.
  if ((await sum(tree, residentBytes)) > limitBytes) {
    if ((await sum(tree, proportionalBytes)) > limitBytes) return { of: "memory", limitBytes };
  }
  return disk === undefined ? undefined : await diskExcess(pid, tree, disk);
}

async function diskExcess(
  pid: number,
  tree: readonly number[],
  { folder, freeBytes: wanted }: NonNullable<Bounds["disk"]>,
): Promise<Excess | undefined> {
  written.set(pid, await sum(tree, writtenBytes));
  const room = await statfs(folder).catch(() => undefined); // it is made later
  if (room === undefined) return undefined;
  const { bavail, blocks, bsize } = room;
  // Of a small disk, a twentieth.
  const freeBytes = Math.min(wanted, Math.floor((blocks * bsize) / 20));
  if (bavail * bsize >= freeBytes || performance.now() - blamedAt < cleaningMs) return undefined;
  if ((written.get(pid) ?? 0) < Math.max(...written.values())) return undefined;
  blamedAt = performance.now();
  return { of: "disk", freeBytes };
}

/** The process with its descendants; of very many only one more than the limit. */
async function treeOf(pid: number, limit: number): Promise<readonly number[]> {
  const found = [pid];
  for (let at = 0; at < found.length && found.length <= limit; at++) {
    const children = await childrenOf(found[at] ?? pid);
    found.push(...children.slice(0, limit + 1 - found.length));
  }
  return found;
}

// Each thread has those that it started. What ends while it is looked at has none.
async function childrenOf(pid: number): Promise<readonly number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const lists = await Promise.all(
    threads.map((thread) => readOf(`/proc/${pid}/task/${thread}/children`)),
  );
  return lists.flatMap((list) => list.split(" ").filter((each) => each !== "")).map(Number);
}

async function sum(
  pids: readonly number[],
  bytesOf: (pid: number) => Promise<number>,
): Promise<number> {
  let bytes = 0;
  for (const pid of pids) bytes += await bytesOf(pid);
  return bytes;
}

// In pages: size, resident, and what of that belongs to files or is shared on purpose [proc(5)].
async function residentBytes(pid: number): Promise<number> {
  const [, resident = 0] = (await readOf(`/proc/${pid}/statm`)).split(" ").map(Number);
  return resident * pageBytes;
}

async function proportionalBytes(pid: number): Promise<number> {
  const text = await readOf(`/proc/${pid}/smaps_rollup`);
  const [, kilobytes] = /^Pss:\s+(\d+) kB$/m.exec(text) ?? [];
  return kilobytes === undefined ? await residentBytes(pid) : Number(kilobytes) * 1024;
}

async function writtenBytes(pid: number): Promise<number> {
  const [, bytes] = /^wchar: (\d+)$/m.exec(await readOf(`/proc/${pid}/io`)) ?? [];
  return Number(bytes ?? 0);
}

// Of amd64, and of arm64 as Cloud Run and the distributions have it.
const pageBytes = 4096;

async function readOf(path: string): Promise<string> {
  return await readFile(path, "latin1").catch(() => ""); // it ended
}
