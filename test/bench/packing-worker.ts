import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { createLocalBlobStore } from "../../core/local/blob-store.ts";
import type { BlobStore, LayerCache, LayerEntry } from "../../core/ports.ts";
import { createLayerPacking } from "../../worker/pack-layers.ts";
import { preparePacking } from "../../worker/prepare-packing.ts";
import { processes } from "../support/processes.ts";

/** What a packing process is started with, as its one argument, in JSON. */
export interface PackerSettings {
  readonly root: string;
  /** For segments. */
  readonly data: string;
  readonly segmentsMb: number;
  /** Where to have a folder for blobs. */
  readonly blobs: string;
}

/** Layers to pack, after everything that was packed but its segments was forgotten, if `anew`. */
export interface PackRequest {
  readonly layers: readonly (readonly string[])[];
  readonly sizes: readonly (readonly [string, number])[];
  readonly anew: boolean;
}

export interface PackReport {
  readonly ms: number;
  /** Without that of the programs it started. */
  readonly cpuMs: number;
  /** Of tar. */
  readonly rawBytes: number;
  /** The most that this process ever had in memory, and that the programs it started had at once meanwhile. */
  readonly peakMb: number;
  readonly programsMb: number;
}

// A process that packs as a worker does, and nothing else: what it needs in memory is what packing needs.
const settings = JSON.parse(process.argv[2] ?? "") as PackerSettings; // from packing.bench.ts
const never = new AbortController().signal;
const folder = mkdtempSync(join(settings.blobs, "firn-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

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
const log = (severity: string, message: string) => console.log(`  ${severity}: ${message}`);
const environment = process.env;
const packing = await preparePacking({ ...settings, gzip: "auto", environment, log });
const archive = { root: settings.root };
const pack = createLayerPacking({ blobs: delegated, layers, packing, log, archive });

async function answer({ layers: groups, sizes, anew }: PackRequest): Promise<PackReport> {
  if (anew) {
    rmSync(folder, { recursive: true, force: true });
    blobs = createLocalBlobStore(folder);
    known = new Map();
  }
  const sizeOf = new Map(sizes);
  const image = {
    layers: groups.map((paths) => ({
      paths,
      size: paths.reduce((sum, path) => sum + (sizeOf.get(path) ?? 0), 0),
    })),
    budget: groups.length + 20,
    sizes: sizeOf,
    compression: "gzip",
  } as const;
  let programsMb = 0;
  const look = setInterval(() => {
    programsMb = Math.max(programsMb, programsInMb());
  }, 200);
  const before = process.cpuUsage();
  const start = performance.now();
  const packed = await pack(image, () => undefined, never);
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  clearInterval(look);
  if (packed.length < groups.length) throw new Error("not all was packed");
  const rawBytes = [...known.values()].reduce((sum, { rawSize }) => sum + rawSize, 0);
  const cpuMs = (user + system) / 1000;
  return { ms, cpuMs, rawBytes, peakMb: statusMb(process.pid, "VmHWM"), programsMb };
}

// The shells between are not counted: all of them are the same few pages.
function programsInMb(): number {
  const igzips = processes().filter(({ command }) => command.startsWith("igzip "));
  return igzips.reduce((sum, { pid }) => sum + statusMb(pid, "RssAnon"), 0);
}

function statusMb(pid: number, what: "VmHWM" | "RssAnon"): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(new RegExp(`${what}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1000;
  } catch {
    return 0; // it ended while it was looked at
  }
}

process.on("message", (request: PackRequest) => {
  void answer(request).then((report) => process.send?.(report));
});
