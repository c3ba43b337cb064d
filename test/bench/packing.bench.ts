import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import type { PackerSettings, PackReport, PackRequest } from "./packing-worker.ts";
import { compare, median, target } from "./rounds.ts";

// How fast are 1 GB of real files packed into layers, both digests and the blob store included, when nothing was
// compressed before (fresh), and when all was (warm)?
// Opponents: one stream of zlib at level 6, and `tar | igzip -1`, which neither hash nor store anything; and two threads
// that read and hash what warm packing has to, which is the most that it could reach.

const wantedBytes = 1_000_000_000;
const rounds = 3;
// Paths of less are in layers of so much.
const bundleBytes = 16_000_000;
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

/** A process that packs, as long as it is used. */
function startPacker(name: string, segmentsMb: number) {
  const data = join(folder, name);
  const settings: PackerSettings = { root, data, segmentsMb, blobs: memory };
  // As in the worker's image.
  const env = { ...process.env, MALLOC_ARENA_MAX: "1" };
  const child = fork(join(import.meta.dirname, "packing-worker.ts"), [JSON.stringify(settings)], {
    env,
  });
  child.unref();
  child.channel?.unref();
  const ended = once(child, "exit").then(() => Promise.reject(new Error("packing ended")));
  ended.catch(() => undefined); // whoever waits for an answer hears of it
  return async (layers: readonly (readonly string[])[], anew = true): Promise<PackReport> => {
    child.send({ layers, sizes: [...sizes], anew } satisfies PackRequest);
    child.channel?.ref();
    const [report] = (await Promise.race([once(child, "message"), ended])) as [PackReport];
    child.channel?.unref();
    peakMb = Math.max(peakMb, report.peakMb);
    programsMb = Math.max(programsMb, report.programsMb);
    return report;
  };
}

function speedOf({ ms, rawBytes }: PackReport): number {
  return rawBytes / 1e3 / ms;
}

/** Layers as a plan makes them: what is large is alone, what is small is with others. */
function planned(): readonly (readonly string[])[] {
  const layers: string[][] = [];
  let room = 0;
  for (const [path, size] of sizes) {
    if (size > bundleBytes) layers.unshift([path]);
    else if (size > room) {
      layers.push([path]);
      room = bundleBytes - size;
    } else {
      layers.at(-1)?.push(path);
      room -= size;
    }
  }
  return layers;
}

async function piped(command: string): Promise<number> {
  const start = performance.now();
  await shell(`${tar} | ${command} > /dev/null`);
  return bytes / 1e6 / ((performance.now() - start) / 1000);
}

const zlib6 = `${process.execPath} -e 'process.stdin.pipe(require("node:zlib").createGzip({ level: 6 })).pipe(process.stdout)'`;
const alone = `${process.execPath} ${join(import.meta.dirname, "hash-alone.ts")} ${root}/nix/store ${folder}/warm/segments`;
let [peakMb, programsMb] = [0, 0];
const [warmCpuMs, aloneCpuMs]: [number[], number[]] = [[], []];
const fresh = startPacker("fresh", 0);
const warm = startPacker("warm", 10_000);
// Segments come of other layers than those that are measured: of each path by itself.
await fresh(planned());
await warm([...sizes.keys()].map((path) => [path]));
const medians = await compare("MB/s", rounds, {
  "firn, fresh": async () => speedOf(await fresh(planned())),
  "firn, warm": async () => {
    const report = await warm(planned());
    warmCpuMs.push(report.cpuMs);
    return speedOf(report);
  },
  "reading and hashing alone": async () => {
    const [ms = 0, cpuMs = 0] = (await shell(alone)).split(" ").map(Number);
    aloneCpuMs.push(cpuMs);
    return bytes / 1e3 / ms;
  },
  "tar | igzip -1": () => piped("igzip -1"),
  "one zlib stream, level 6": () => piped(zlib6),
});
const speed = (name: string) => medians[name] ?? 0;
const [cold, again] = [speed("firn, fresh"), speed("firn, warm")];
const [pipe, zlib] = [speed("tar | igzip -1"), speed("one zlib stream, level 6")];
const most = speed("reading and hashing alone");
const cpu = [warmCpuMs, aloneCpuMs].map((all) => (median(all) / 1000).toFixed(2));
console.log(`  CPU: firn, warm ${cpu[0]} s, reading and hashing alone ${cpu[1]} s`);
target(`fresh at least 180 MB/s (it was ${cold.toFixed(0)})`, cold >= 180);
target(
  `fresh at least 8 times the zlib stream (it was ${(cold / zlib).toFixed(1)})`,
  cold >= 8 * zlib,
);
target(`fresh at least 0.9 of the pipe (it was ${(cold / pipe).toFixed(2)})`, cold >= 0.9 * pipe);
target(`warm at least 600 MB/s (it was ${again.toFixed(0)})`, again >= 600);
target(
  `warm at least 25 times the zlib stream (it was ${(again / zlib).toFixed(1)}, and ${(most / zlib).toFixed(1)} is the most)`,
  again >= 25 * zlib,
);
target(
  `under 200 MB of memory (it was ${peakMb.toFixed(0)}, and ${programsMb.toFixed(0)} of igzip's)`,
  peakMb + programsMb < 200,
);

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
  await fresh(shared.map((path) => [path]));
  const image = paths.map((path) => [path]);
  seconds.push((await fresh(image, false)).ms);
}
const second = median(seconds);
console.log(`  second image of ${(sum / 1e6).toFixed(0)} MB: median ${second.toFixed(0)} ms`);
target(`a second image that shares 90 %: under 300 ms (it was ${second.toFixed(0)})`, second < 300);
