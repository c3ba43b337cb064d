import { AsyncLocalStorage } from "node:async_hooks";
import { randomUUID } from "node:crypto";

/**
 * Where something began, and what it led to: a pull, the job it published and the build that came of it have one trace
 * id, and a span id each [W3C Trace Context]. No spans are recorded; the ids join lines of the log.
 */
export interface Trace {
  /** 32 hexadecimal digits in lower case, not all zero. */
  readonly traceId: string;
  /** 16 hexadecimal digits in lower case, not all zero. */
  readonly spanId: string;
  /** Whether whoever began it records the spans. */
  readonly sampled: boolean;
}

const context = new AsyncLocalStorage<() => Trace>();

/**
 * Does some work, all that follows from it included, in a trace. That is made, or read from headers, when somebody
 * first asks for it: most work has nothing to say.
 */
export function inTrace<T>(make: () => Trace, work: () => T): T {
  let made: Trace | undefined;
  return context.run(() => (made ??= make()), work);
}

/** The trace of the work that is being done; undefined outside of any. */
export function currentTrace(): Trace | undefined {
  return context.getStore()?.();
}

export function newTrace(): Trace {
  return { traceId: randomHex(), spanId: randomHex().slice(0, 16), sampled: false };
}

/** A further step of a trace. */
export function childOf(trace: Trace): Trace {
  return { ...trace, spanId: randomHex().slice(0, 16) };
}

/** Something that may say in which trace it was asked for, such as a job. */
export interface Traced {
  readonly trace?: Trace;
}

/** What is asked for, with the trace it is asked for in; left alone where it has one, or there is none. */
export function traced<T extends Traced>(asked: T): T {
  const trace = asked.trace ?? currentTrace();
  return trace === undefined ? asked : { ...asked, trace };
}

/** Does what was asked for in the trace it was asked for in, or in one of its own. */
export function inTraceOf<T>({ trace }: Traced, work: () => T): T {
  return inTrace(() => (trace === undefined ? newTrace() : childOf(trace)), work);
}

/** The headers of a request that name a trace; anybody may have written them. */
export interface TraceHeaders {
  readonly traceparent?: string | undefined;
  /** What Google's front ends say beside it, and older ones instead of it. */
  readonly cloud?: string | undefined;
}

/** The trace that a request belongs to, which is a new one where its headers say none that can be read. */
export function traceOfHeaders({ traceparent, cloud }: TraceHeaders): Trace {
  return parseTraceparent(traceparent) ?? parseCloudTrace(cloud) ?? newTrace();
}

const traceparentPattern = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.{0,256})?$/;

/** Reads a `traceparent` [W3C Trace Context, 3.2]; undefined where it is none. */
export function parseTraceparent(text: string | undefined): Trace | undefined {
  const [, version, traceId = "", spanId = "", flags = "", more] =
    traceparentPattern.exec(text ?? "") ?? [];
  // Later versions may say more behind it; this one may not.
  if (version === undefined || version === "ff" || (version === "00" && more !== undefined)) {
    return undefined;
  }
  if (isZero(traceId) || isZero(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function formatTraceparent({ traceId, spanId, sampled }: Trace): string {
  return `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
}

const cloudPattern = /^([\da-f]{32})(?:\/(\d{1,20}))?(?:;o=(\d))?$/i;
const largestSpan = 2n ** 64n - 1n;

/** Reads `X-Cloud-Trace-Context`, `<trace id>/<span id in decimal>;o=<1 if sampled>`; undefined where it is none. */
export function parseCloudTrace(text: string | undefined): Trace | undefined {
  const [, id, span = "0", option] = cloudPattern.exec(text ?? "") ?? [];
  if (id === undefined || isZero(id)) return undefined;
  const number = BigInt(span);
  const isSpan = number > 0n && number <= largestSpan;
  const spanId = isSpan ? number.toString(16).padStart(16, "0") : randomHex().slice(0, 16);
  return { traceId: id.toLowerCase(), spanId, sampled: option === "1" };
}

function isZero(id: string): boolean {
  return /^0+$/.test(id);
}

/** 32 digits, not all zero, nor are the first 16: a version is among them. Randomness for many is had from the kernel at once. */
function randomHex(): string {
  return randomUUID().replaceAll("-", "");
}
