import { expect, it } from "vitest";
import { decodeJob, encodeJob } from "../../core/job-message.ts";
import type { Job } from "../../core/ports.ts";
import { buildOf } from "../support/builds.ts";

const { key } = buildOf("git");
const pinId = JSON.stringify(["nixpkgs", "https://example.com/ü.git", null]);

it.each<Job>([
  { kind: "build", key },
  { kind: "pin", pinId },
])("a $kind job is read as it was written", (job) => {
  const { data, attributes } = encodeJob(job);
  expect(decodeJob(data)).toEqual({ state: "job", job });
  expect(attributes).toEqual({ kind: job.kind, v: "1" });
});

it("a job looks like this on the wire", () => {
  const { data } = encodeJob({ kind: "build", key });
  expect(new TextDecoder().decode(data)).toBe(`{"v":1,"kind":"build","key":"${key}"}`);
});

it("a job says in which trace it was published", () => {
  const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
  const trace = { traceId: "a".repeat(32), spanId: "b".repeat(16), sampled: true };
  const job: Job = { kind: "pin", pinId, trace };
  const { data } = encodeJob(job);
  expect(new TextDecoder().decode(data)).toContain(`"traceparent":"${traceparent}"`);
  expect(decodeJob(data)).toEqual({ state: "job", job });
});

it.each([[7], ["hello"], ["00-\n"], [{}], [null]])(
  "a job whose trace is %j is wanted all the same",
  (traceparent) => {
    const text = JSON.stringify({ v: 1, kind: "build", key, traceparent });
    expect(decodeJob(new TextEncoder().encode(text))).toEqual({
      state: "job",
      job: { kind: "build", key },
    });
  },
);

it("members that are not known are left alone", () => {
  const text = JSON.stringify({ v: 1, kind: "build", key, priority: "high" });
  expect(decodeJob(new TextEncoder().encode(text))).toEqual({
    state: "job",
    job: { kind: "build", key },
  });
});

const noJobs: readonly (readonly [string, string, string])[] = [
  ["nothing", "", "it is not a JSON object in UTF-8"],
  ["text", "hello", "it is not a JSON object in UTF-8"],
  ["null", "null", "it is not a JSON object in UTF-8"],
  ["a list", "[]", "its version is missing, and this worker knows 1"],
  [
    "no version",
    JSON.stringify({ kind: "build", key }),
    "its version is missing, and this worker knows 1",
  ],
  [
    "a later version",
    JSON.stringify({ v: 2, kind: "build", key }),
    "its version is 2, and this worker knows 1",
  ],
  [
    "a version in quotes",
    JSON.stringify({ v: "1", kind: "build", key }),
    'its version is "1", and this worker knows 1',
  ],
  [
    "no kind",
    JSON.stringify({ v: 1, key }),
    'its kind is missing, which is none of "build", "pin" and "plan"',
  ],
  [
    "another kind",
    JSON.stringify({ v: 1, kind: "bake", key }),
    'its kind is "bake", which is none of "build", "pin" and "plan"',
  ],
  ["no key", JSON.stringify({ v: 1, kind: "build" }), "missing is not the key of a build"],
  [
    "a path as key",
    JSON.stringify({ v: 1, kind: "build", key: "../etc" }),
    '"../etc" is not the key of a build',
  ],
  [
    "a number as key",
    JSON.stringify({ v: 1, kind: "build", key: 7 }),
    "7 is not the key of a build",
  ],
  ["no pin", JSON.stringify({ v: 1, kind: "pin" }), "missing is not the id of a pin"],
  [
    "a word as pin",
    JSON.stringify({ v: 1, kind: "pin", pinId: "nixpkgs" }),
    '"nixpkgs" is not the id of a pin',
  ],
  [
    "a pin of two parts",
    JSON.stringify({ v: 1, kind: "pin", pinId: '["a","b"]' }),
    String.raw`"[\"a\",\"b\"]" is not the id of a pin`,
  ],
  [
    "a pin of numbers",
    JSON.stringify({ v: 1, kind: "pin", pinId: "[1,2,3]" }),
    '"[1,2,3]" is not the id of a pin',
  ],
  [
    "too much",
    JSON.stringify({ v: 1, kind: "build", key, more: "x".repeat(4096) }),
    "it has 4201 bytes, and a job has 4096 at the most",
  ],
];

it.each(noJobs)("%s is no job, and it is said why", (_, text, reason) => {
  expect(decodeJob(new TextEncoder().encode(text))).toEqual({ state: "unreadable", reason });
});

it("bytes that are not UTF-8 are no job", () => {
  const reason = "it is not a JSON object in UTF-8";
  expect(decodeJob(Uint8Array.of(0x22, 0xff, 0x22))).toEqual({ state: "unreadable", reason });
});

it("what is wrong is said in a line, however long it is", () => {
  const text = JSON.stringify({ v: 1, kind: "x".repeat(3000) });
  const decoded = decodeJob(new TextEncoder().encode(text));
  if (decoded.state === "job") throw new Error("it was taken for a job");
  expect(decoded.reason.length).toBeLessThan(200);
});
