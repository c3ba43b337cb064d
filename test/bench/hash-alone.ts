import { closeSync, lstatSync, openSync, readdirSync, readSync } from "node:fs";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { isMainThread, parentPort, Worker } from "node:worker_threads";

// The least that packing from segments can take: two threads read each file of a store and each segment, and hash what
// they read. `node hash-alone.ts <store> <segments>` prints
// the milliseconds, and those of CPU.

const [store = "", segments = ""] = process.argv.slice(2);

function hashAll(top: string, buffer: Buffer): void {
  const hash = createHash("sha256");
  const waiting = [top];
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    for (const entry of readdirSync(place, { withFileTypes: true })) {
      const inside = join(place, entry.name);
      if (entry.isDirectory()) waiting.push(inside);
      if (entry.isFile()) hashFile(inside, buffer, (bytes) => hash.update(bytes));
    }
  }
  hash.digest();
}

function hashFile(file: string, buffer: Buffer, take: (bytes: Buffer) => void): void {
  const handle = openSync(file, "r");
  let count = buffer.length;
  while (count === buffer.length) {
    count = readSync(handle, buffer, 0, buffer.length, null);
    take(buffer.subarray(0, count));
  }
  closeSync(handle);
}

function within(folder: string): readonly string[] {
  return readdirSync(folder).map((name) => join(folder, name));
}

if (isMainThread) {
  const threads = [0, 1].map(
    () => new Worker(new URL(import.meta.url), { argv: [store, segments] }),
  );
  await Promise.all(threads.map((thread) => once(thread, "message")));
  // The largest first, so that both end together.
  const sized = [...within(store), ...within(segments)].map((place) => ({
    place,
    size: sizeOf(place),
  }));
  const places = sized.sort((a, b) => b.size - a.size).map(({ place }) => place);
  // Once for the compiler, as packing has had its first round when it is measured.
  await readAndHash(places);
  const before = process.cpuUsage();
  const start = performance.now();
  await readAndHash(places);
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  console.log(`${ms} ${(user + system) / 1000}`);
  await Promise.all(threads.map((thread) => thread.terminate()));

  async function readAndHash(all: readonly string[]): Promise<void> {
    const queue = [...all];
    const work = threads.map(async (thread) => {
      for (let place = queue.shift(); place !== undefined; place = queue.shift()) {
        // oxlint-disable-next-line require-post-message-target-origin -- the other end is a thread, not a window
        thread.postMessage(place);
        await once(thread, "message");
      }
    });
    await Promise.all(work);
  }
} else {
  const buffer = Buffer.allocUnsafeSlow(256 * 1024);
  parentPort?.on("message", (place: string) => {
    if (lstatSync(place).isDirectory()) hashAll(place, buffer);
    else {
      const hash = createHash("sha256");
      hashFile(place, buffer, (bytes) => hash.update(bytes));
      hash.digest();
    }
    // oxlint-disable-next-line require-post-message-target-origin -- the other end is a thread, not a window
    parentPort?.postMessage("done");
  });
  // oxlint-disable-next-line require-post-message-target-origin -- the other end is a thread, not a window
  parentPort?.postMessage("ready");
}

function sizeOf(place: string): number {
  const found = lstatSync(place);
  if (!found.isDirectory()) return found.size;
  return within(place).reduce((sum, inside) => sum + sizeOf(inside), 0);
}
