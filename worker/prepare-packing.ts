import { join } from "node:path";
import { messageOf, type Log } from "../core/log.ts";
import type { GzipProgram } from "../core/building-settings.ts";
import { nodeCompressors, type SegmentCompressor } from "./compress.ts";
import { inheritedEnvironment, type Environment } from "./environment.ts";
import { createIgzip } from "./igzip.ts";
import type { Packing } from "./pack-layers.ts";
import { createRun, type Run } from "./run.ts";
import { openSegmentCache, type SegmentCache } from "./segment-cache.ts";

export interface PackingOptions {
  readonly gzip: GzipProgram;
  readonly segmentsMb: number;
  /** The worker's data folder. */
  readonly data: string;
  readonly environment: Environment;
  readonly log: Log;
}

/** Finds out how this worker can pack. Throws where it is told to have a compressor that it has not. */
export async function preparePacking(options: PackingOptions): Promise<Packing> {
  const run = createRun(inheritedEnvironment(options.environment));
  const gzip = await chooseGzip(options.gzip, run, options.log);
  return { compressors: { ...nodeCompressors, gzip }, cache: await openCache(options) };
}

/** The compressor that makes gzip members here. */
export async function chooseGzip(
  asked: GzipProgram,
  run: Run,
  log: Log,
): Promise<SegmentCompressor> {
  if (asked === "zlib") return nodeCompressors.gzip;
  try {
    return await createIgzip(run);
  } catch (cause) {
    const advice = "it is in Debian's package isal";
    if (asked === "igzip") {
      throw new Error(`FIRN_GZIP is igzip, and ${messageOf(cause)}; ${advice}`, { cause });
    }
    log(
      "INFO",
      `layers are compressed by zlib, which takes 8 times as long as igzip: ${messageOf(cause)}; ${advice}`,
    );
    return nodeCompressors.gzip;
  }
}

// What is kept there only saves time.
async function openCache({
  data,
  segmentsMb,
  log,
}: PackingOptions): Promise<SegmentCache | undefined> {
  if (segmentsMb === 0) return undefined;
  const folder = join(data, "segments");
  try {
    return await openSegmentCache(folder, segmentsMb * 1_000_000);
  } catch (error) {
    log("WARNING", `nothing compressed is kept in ${folder}: ${messageOf(error)}`);
    return undefined;
  }
}
