import { describe, expect, it } from "vitest";
import {
  childOf,
  currentTrace,
  formatTraceparent,
  inTrace,
  inTraceOf,
  newTrace,
  parseCloudTrace,
  parseTraceparent,
  traced,
  traceOfHeaders,
  type Traced,
} from "../../core/trace.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const spanId = "b7ad6b7169203331";
const written = `00-${traceId}-${spanId}-01`;

describe("traceparent", () => {
  it("is read as it was written", () => {
    const trace = { traceId, spanId, sampled: true };
    expect(parseTraceparent(written)).toEqual(trace);
    expect(formatTraceparent(trace)).toBe(written);
    const made = newTrace();
    expect(parseTraceparent(formatTraceparent(made))).toEqual(made);
  });

  it("of a later version may say more", () => {
    expect(parseTraceparent(`cc-${traceId}-${spanId}-00-more`)).toEqual({
      traceId,
      spanId,
      sampled: false,
    });
  });

  it.each([
    ["nothing", ""],
    ["words", "hello"],
    ["no version that there may be", `ff-${traceId}-${spanId}-01`],
    ["more than its version has", `00-${traceId}-${spanId}-01-more`],
    ["a trace of zeros", `00-${"0".repeat(32)}-${spanId}-01`],
    ["a span of zeros", `00-${traceId}-${"0".repeat(16)}-01`],
    ["upper case", written.toUpperCase()],
    ["a short trace", `00-${traceId.slice(1)}-${spanId}-01`],
    ["a quote", `00-${traceId.slice(1)}"-${spanId}-01`],
    ["a line break", `00-${traceId}-${spanId}-01\n{"severity":"ERROR"}`],
    ["two of them", `${written}, ${written}`],
    ["without end", `cc-${traceId}-${spanId}-00-${"x".repeat(10_000)}`],
  ])("that is %s is none", (_, text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });
});

describe("X-Cloud-Trace-Context", () => {
  it.each([
    ["all of it", `${traceId}/1;o=1`, { traceId, spanId: "0000000000000001", sampled: true }],
    ["not sampled", `${traceId}/26;o=0`, { spanId: "000000000000001a", sampled: false }],
    ["the largest span", `${traceId}/18446744073709551615`, { spanId: "f".repeat(16) }],
    ["in upper case", `${traceId.toUpperCase()}/1;o=1`, { traceId }],
    ["a trace alone", traceId, { traceId, sampled: false }],
  ])("with %s is read", (_, text, expected) => {
    expect(parseCloudTrace(text)).toMatchObject(expected);
  });

  it("with a span that none can have gets another one", () => {
    for (const span of ["0", "18446744073709551616", "99999999999999999999"]) {
      expect(parseCloudTrace(`${traceId}/${span};o=1`)?.spanId).toMatch(/^(?!0+$)[0-9a-f]{16}$/);
    }
  });

  it.each([
    ["words", "hello"],
    ["zeros", "0".repeat(32)],
    ["another span", `${traceId}/x;o=1`],
    ["a line break", `${traceId}/1;o=1\nmore`],
    ["too many digits", `${traceId}/${"9".repeat(500)}`],
  ])("that is %s is none", (_, text) => {
    expect(parseCloudTrace(text)).toBeUndefined();
  });
});

describe("a request's trace", () => {
  it("is that of traceparent, else of Google's header, else a new one", () => {
    const cloud = `${"1".repeat(32)}/1;o=1`;
    expect(traceOfHeaders({ traceparent: written, cloud }).traceId).toBe(traceId);
    expect(traceOfHeaders({ traceparent: "bad", cloud }).traceId).toBe("1".repeat(32));
    const made = traceOfHeaders({ traceparent: "bad", cloud: "bad" });
    expect(made.traceId).toMatch(/^(?!0+$)[0-9a-f]{32}$/);
    expect(made).not.toEqual(traceOfHeaders({}));
  });
});

describe("work in a trace", () => {
  it("has the same one all along, whatever else runs meanwhile, and outside there is none", async () => {
    const seen = await Promise.all(
      [newTrace(), newTrace()].map((trace) =>
        inTrace(
          () => trace,
          async () => {
            await new Promise(setImmediate);
            return currentTrace() === trace;
          },
        ),
      ),
    );
    expect(seen).toEqual([true, true]);
    expect(currentTrace()).toBeUndefined();
  });

  it("reads no header before somebody says something, and then once", () => {
    let made = 0;
    const make = () => ((made += 1), newTrace());
    inTrace(make, () => undefined);
    expect(made).toBe(0);
    inTrace(make, () => expect(currentTrace()).toBe(currentTrace()));
    expect(made).toBe(1);
  });

  it("that was asked for elsewhere is a further step of that trace", () => {
    const trace = newTrace();
    const asked = inTrace(
      () => trace,
      () => traced<Traced & { name: string }>({ name: "job" }),
    );
    expect(asked).toEqual({ name: "job", trace });
    const within = inTraceOf(asked, () => currentTrace());
    expect(within).toMatchObject({ traceId: trace.traceId });
    expect(within?.spanId).not.toBe(trace.spanId);
    expect(childOf(trace).traceId).toBe(trace.traceId);
    expect(inTraceOf(traced({}), () => currentTrace())?.traceId).toMatch(/^[0-9a-f]{32}$/);
  });
});
