import { closeSync, openSync, writeSync } from "node:fs";
import { createHash, type Hash } from "node:crypto";
import { parentPort } from "node:worker_threads";
import { crc32 } from "node:zlib";
import { messageOf } from "../core/log.ts";
import { partBytes, type ArchiveOptions, type Part } from "./archive.ts";
import { packageFaultOf } from "./package-fault.ts";
import { slicesOf, type SizedSlice } from "./slices.ts";

/**
 * What a packing thread does, one thing after the other: `parts` hashes the bytes of a layer's next parts for its diff
 * id, and writes those that are to be compressed to files; `end` gives the digest and begins anew, as a failure does.
 */
export interface ThreadWork {
  parts: { readonly ask: PartsToRead; readonly answer: readonly PartRead[] };
  end: { readonly ask: undefined; readonly answer: { hex: string; size: number } };
  slices: {
    readonly ask: ArchiveOptions & { readonly path: string; readonly limit: number };
    readonly answer: readonly SizedSlice[];
  };
}

export interface PartsToRead extends ArchiveOptions {
  /** Where to write a part's bytes, without a file it is hashed only; and whether to count its CRC-32, which takes time. */
  readonly parts: readonly PartToRead[];
  /** Reads no further part once so many bytes were read; at least one is. */
  readonly limit: number;
}

export interface PartToRead {
  readonly part: Part;
  readonly file?: string;
  readonly summed: boolean;
}

/** Of the bytes of a part: how many, and their CRC-32 where it was asked for. */
export interface PartRead {
  readonly size: number;
  readonly crc: number | undefined;
}

export type Question = {
  [K in keyof ThreadWork]: { readonly kind: K; readonly ask: ThreadWork[K]["ask"] };
}[keyof ThreadWork];

/** A failure, as it crosses threads; `of` says what failed: the package, the disk that is written to, or anything else. */
export type Answer =
  | { readonly state: "done"; readonly answer: unknown }
  | {
      readonly state: "failed";
      readonly of: "package" | "staging" | "reading";
      readonly message: string;
    };

class StagingFailed extends Error {}

let hash: Hash = createHash("sha256");
let hashed = 0;

function answer({ kind, ask }: Question): unknown {
  switch (kind) {
    case "parts":
      return readParts(ask);
    case "end": {
      const end = { hex: hash.digest("hex"), size: hashed };
      reset();
      return end;
    }
    case "slices":
      return slicesOf(ask.path, ask.limit, ask);
  }
}

function reset(): void {
  hash = createHash("sha256");
  hashed = 0;
}

function readParts({ parts, limit, ...options }: PartsToRead): readonly PartRead[] {
  const read: PartRead[] = [];
  let sum = 0;
  for (const part of parts) {
    if (read.length > 0 && sum >= limit) break;
    const one = readPart(part, options);
    sum += one.size;
    read.push(one);
  }
  return read;
}

function readPart({ part, file, summed }: PartToRead, options: ArchiveOptions): PartRead {
  const handle = file === undefined ? undefined : staged(() => openSync(file, "wx"));
  try {
    let crc = 0;
    let size = 0;
    for (const chunk of partBytes(part, options)) {
      hash.update(chunk);
      if (summed) crc = crc32(chunk, crc);
      size += chunk.length;
      if (handle === undefined) continue;
      for (let at = 0; at < chunk.length;) at += staged(() => writeSync(handle, chunk, at));
    }
    hashed += size;
    return { size, crc: summed ? crc : undefined };
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

function staged<T>(write: () => T): T {
  try {
    return write();
  } catch (cause) {
    throw new StagingFailed(messageOf(cause), { cause });
  }
}

parentPort?.on("message", (question: Question) => {
  let reply: Answer;
  try {
    reply = { state: "done", answer: answer(question) };
  } catch (error) {
    reset();
    const fault = packageFaultOf(error);
    const of =
      fault !== undefined ? "package" : error instanceof StagingFailed ? "staging" : "reading";
    reply = { state: "failed", of, message: messageOf(error) };
  }
  // oxlint-disable-next-line require-post-message-target-origin -- the other end is a thread, not a window
  parentPort?.postMessage(reply);
});
