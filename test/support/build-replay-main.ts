import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import type { ImageOptions } from "../../core/build-key.ts";
import { buildReplay } from "./build-replay.ts";
import type { Replay } from "./replayed-nix.ts";

// The same build in a process of its own: `node build-replay-main.ts <file> <folder>` prints the manifest, and what
// the process is like.
const [, , file = "", folder = ""] = process.argv;
const { replay, options } = JSON.parse(readFileSync(file, "utf8")) as {
  readonly replay: Replay;
  readonly options: ImageOptions;
};
const { bytes } = await buildReplay(replay, options, folder);
const { zlib, zstd } = process.versions;
const about = { node: process.version, cores: availableParallelism(), user: process.getuid?.() };
const time = new Date(0).toString();
console.log(
  JSON.stringify({ manifest: Buffer.from(bytes).toString(), zlib, zstd, time, ...about }),
);
