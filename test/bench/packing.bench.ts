import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { createLocalBlobStore } from "../../core/local/blob-store.ts";
import type { BlobStore, LayerCache, LayerEntry } from "../../core/ports.ts";
import { createLayerPacking } from "../../worker/pack-layers.ts";
import { preparePacking } from "../../worker/prepare-packing.ts";
import { compare, median, target } from "./rounds.ts";

// How fast are 1 GB of real files packed into layers, both digests and the blob store included, when nothing was
// compressed before (fresh), and when all was (warm)?
// Opponents: one stream of zlib at level 6, and `tar | igzip -1`, which neither hash nor store anything.

const wantedBytes = 1_000_000_000;
const rounds = 3;
const never = new AbortController().signal;
const folder = mkdtempSync(join(tmpdir(), "firn-packing-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
// In memory, as far as there is such a folder: what is measured is packing and no disk.
const memory = mkdtempSync(
  join(readdirSync("/dev").includes("shm") ? "/dev/shm" : folder, "firn-"),
);
process.on("exit", () => rmSync(memory, { recursive: true, force: true }));

/** Copies of folders of this machine as if they were store paths, until there is enough; warms the page cache too. */
async function plantStore(): Promise<{ root: string; sizes: ReadonlyMap<string, number> }> {
  const root = join(folder, "root");
  mkdirSync(join(root, "nix/store"), { recursive: true });
  const sizes = new Map<string, number>();
  let sum = 0;
  const found = (await shell("du -s -B1 --apparent-size /usr/lib/* /usr/lib/*/* /usr/share/*"))
    .split("\n")
    .map((line) => ({ size: Number(line.split("\t")[0]), from: line.split("\t")[1] ?? "" }))
    .filter(({ size }) => size > 100_000 && size < 400_000_000);
  for (const [i, { size, from }] of found.entries()) {
    if (sum > wantedBytes) break;
    const path = `/nix/store/${String(i).padStart(32, "0")}-${from.split("/").at(-1)}`;
    cpSync(from, root + path, { recursive: true, verbatimSymlinks: true });
    sizes.set(path, size);
    sum += size;
  }
  return { root, sizes };
}

async function shell(command: string): Promise<string> {
  const child = spawn("sh", ["-c", command], { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  await once(child, "close");
  return output;
}

const { root, sizes } = await plantStore();
const tar = `tar -cf - -C ${root} nix`;
const bytes = Number(await shell(`${tar} | wc -c`));
console.log(`  ${sizes.size} paths, ${(bytes / 1e6).toFixed(0)} MB of tar`);

// One packing for all rounds, as a worker has it; each round has a blob store that holds nothing yet.
let blobs: BlobStore;
let known: Map<string, LayerEntry>;
const layers: LayerCache = {
  read: () => Promise.resolve(known),
  write: (key, entry) => Promise.resolve(void known.set(key, entry)),
  forget: () => Promise.resolve(),
};
const delegated: BlobStore = {
  stat: (digest) => blobs.stat(digest),
  locate: (digest) => blobs.locate(digest),
  read: (digest, limit) => blobs.read(digest, limit),
  write: (chunks, signal) => blobs.write(chunks, signal),
  isSound: (digest, size) => blobs.isSound(digest, size),
  hold: (digest, size) => blobs.hold(digest, size),
};

async function packer(segmentsMb: number) {
  const environment = process.env;
  const log = (severity: string, message: string) => console.log(`  ${severity}: ${message}`);
  const data = join(folder, `data-${segmentsMb}`);
  const packing = await preparePacking({ gzip: "auto", segmentsMb, data, environment, log });
  const pack = createLayerPacking({ blobs: delegated, layers, packing, log, archive: { root } });
  return async (paths: readonly string[] = [...sizes.keys()], isFirst = true) => {
    if (isFirst) {
      rmSync(memory, { recursive: true, force: true });
      blobs = createLocalBlobStore(memory);
      known = new Map();
    }
    const groups = paths.map((path) => ({ paths: [path], size: sizes.get(path) ?? 0 }));
    const image = {
      layers: groups,
      budget: groups.length + 20,
      sizes,
      compression: "gzip",
    } as const;
    const start = performance.now();
    const packed = await pack(image, () => undefined, never);
    const seconds = (performance.now() - start) / 1000;
    const raw = [...known.values()].reduce((sum, { rawSize }) => sum + rawSize, 0);
    if (packed.length < groups.length) throw new Error("not all was packed");
    return { speed: raw / 1e6 / seconds, ms: seconds * 1000 };
  };
}

async function piped(command: string): Promise<number> {
  const start = performance.now();
  await shell(`${tar} | ${command} > /dev/null`);
  return bytes / 1e6 / ((performance.now() - start) / 1000);
}

const zlib6 = `${process.execPath} -e 'process.stdin.pipe(require("node:zlib").createGzip({ level: 6 })).pipe(process.stdout)'`;
const fresh = await packer(0);
const warm = await packer(10_000);
await fresh();
await warm();
const medians = await compare("MB/s", rounds, {
  "firn, fresh": async () => (await fresh()).speed,
  "firn, warm": async () => (await warm()).speed,
  "tar | igzip -1": () => piped("igzip -1"),
  "one zlib stream, level 6": () => piped(zlib6),
});
const speed = (name: string) => medians[name] ?? 0;
const [cold, again] = [speed("firn, fresh"), speed("firn, warm")];
const [pipe, zlib] = [speed("tar | igzip -1"), speed("one zlib stream, level 6")];
const peakMb = process.resourceUsage().maxRSS / 1000;
target(`fresh at least 180 MB/s (it was ${cold.toFixed(0)})`, cold >= 180);
target(
  `fresh at least 8 times the zlib stream (it was ${(cold / zlib).toFixed(1)})`,
  cold >= 8 * zlib,
);
target(`fresh at least 0.9 of the pipe (it was ${(cold / pipe).toFixed(2)})`, cold >= 0.9 * pipe);
target(`warm at least 600 MB/s (it was ${again.toFixed(0)})`, again >= 600);
target(
  `warm at least 25 times the zlib stream (it was ${(again / zlib).toFixed(1)})`,
  again >= 25 * zlib,
);
target(`under 200 MB of memory (it was ${peakMb.toFixed(0)})`, peakMb < 200);

// A second image that shares nine tenths of its store paths with a first, of the size that images have, nothing else being
// kept. What Nix does for it comes on top.
const imageBytes = 200_000_000;
const paths: string[] = [];
let sum = 0;
for (const [path, size] of [...sizes].sort(([, a], [, b]) => a - b)) {
  if (size > imageBytes / 10 || sum + size > imageBytes) continue;
  paths.push(path);
  sum += size;
}
// Every tenth path is the second one's own.
const shared = paths.filter((_, i) => i % 10 !== 9);
const seconds: number[] = [];
for (let round = 0; round < 5; round++) {
  await fresh(shared);
  seconds.push((await fresh(paths, false)).ms);
}
const second = median(seconds);
console.log(`  second image of ${(sum / 1e6).toFixed(0)} MB: median ${second.toFixed(0)} ms`);
target(`a second image that shares 90 %: under 300 ms (it was ${second.toFixed(0)})`, second < 300);
