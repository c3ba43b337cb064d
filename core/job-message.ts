import { parseBuildKey } from "./build-key.ts";
import type { Job } from "./ports.ts";
import { formatTraceparent, parseTraceparent } from "./trace.ts";

/**
 * A job as it travels: `{"v":1,"kind":"build","key":"<64 hexadecimal digits>"}`, `{"v":1,"kind":"pin","pinId":"…"}` or
 * `{"v":1,"kind":"plan","packageSet":"…","revision":"…","architecture":"amd64"}` in UTF-8, with `kind` and `v` as
 * attributes for whoever looks at the queue. `traceparent` says in which trace it was published, as the header of that
 * name does [W3C Trace Context]. Members that are not known are left alone, so that a version may gain some.
 */
export interface JobMessage {
  readonly data: Uint8Array;
  readonly attributes: Readonly<Record<string, string>>;
}

/** A message that is kept for a person to look at, because no handler could do anything with it. */
export interface DeadLetter {
  readonly data: Uint8Array;
  /** What is wrong with it, in words. */
  readonly reason: string;
  readonly messageId: string;
}

export type DecodedJob =
  | { readonly state: "job"; readonly job: Job }
  | { readonly state: "unreadable"; readonly reason: string };

// Count up when a worker of before could not do what a message asks; until it is replaced it leaves such messages to
// the dead letters.
const version = 1;
// A pin's id holds the address of its repository, and that is all that can be long.
const limitBytes = 4096;

export function encodeJob({ trace, ...job }: Job): JobMessage {
  const traceparent = trace && formatTraceparent(trace);
  const data = new TextEncoder().encode(JSON.stringify({ v: version, ...job, traceparent }));
  return { data, attributes: { kind: job.kind, v: String(version) } };
}

/** Reads what anybody who may publish has written. Never throws: what is not a job says why. */
export function decodeJob(data: Uint8Array): DecodedJob {
  if (data.length > limitBytes) {
    return unreadable(`it has ${data.length} bytes, and a job has ${limitBytes} at the most`);
  }
  const message = parseJson(data);
  if (typeof message !== "object" || message === null) {
    return unreadable("it is not a JSON object in UTF-8");
  }
  const { v, kind, key, pinId, traceparent, ...rest } = message as Readonly<
    Record<string, unknown>
  >;
  // A job is wanted all the same where this cannot be read, or is not there, as in messages of before.
  const trace = typeof traceparent === "string" ? parseTraceparent(traceparent) : undefined;
  const traced = trace === undefined ? {} : { trace };
  if (v !== version)
    return unreadable(`its version is ${show(v)}, and this worker knows ${version}`);
  if (kind === "build") {
    const checked = typeof key === "string" ? parseBuildKey(key) : undefined;
    if (checked === undefined) return unreadable(`${show(key)} is not the key of a build`);
    return { state: "job", job: { kind, key: checked, ...traced } };
  }
  if (kind === "pin") {
    if (!isPinId(pinId)) return unreadable(`${show(pinId)} is not the id of a pin`);
    return { state: "job", job: { kind, pinId, ...traced } };
  }
  if (kind === "plan") {
    const { packageSet, revision, architecture } = rest;
    if (typeof packageSet !== "string" || typeof revision !== "string") {
      return unreadable(
        `${show(packageSet)} at ${show(revision)} is not a revision of a package set`,
      );
    }
    if (architecture !== "amd64" && architecture !== "arm64") {
      return unreadable(`${show(architecture)} is not an architecture`);
    }
    return { state: "job", job: { kind, packageSet, revision, architecture, ...traced } };
  }
  return unreadable(`its kind is ${show(kind)}, which is none of "build", "pin" and "plan"`);
}

function unreadable(reason: string): DecodedJob {
  return { state: "unreadable", reason };
}

function parseJson(data: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data));
  } catch {
    return undefined; // which is no object either, and the caller says so
  }
}

// Ids of pins are written by `selectRevision`: package set, source, and a reference or null.
function isPinId(value: unknown): value is string {
  if (typeof value !== "string") return false;
  const parts = parseJson(new TextEncoder().encode(value));
  if (!Array.isArray(parts) || parts.length !== 3) return false;
  const [packageSet, source, reference] = parts as readonly unknown[];
  const isReference = reference === null || typeof reference === "string";
  return typeof packageSet === "string" && typeof source === "string" && isReference;
}

// A message may hold anything, and its reason ends up in log lines and attributes.
function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "missing";
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
