import { afterAll, beforeAll, expect, test } from "vitest";
import { logMetrics, metricNames } from "../../infra/google/metrics.ts";
import { startCloud, type Cloud } from "../support/cloud.ts";
import { clientOf } from "../support/cloud-client.ts";
import { emulatorHosts, freshProject, needEmulators } from "../support/emulators.ts";
import { eventually } from "../support/eventually.ts";
import { entryOf, pointsOf, type LogEntry } from "../support/log-entry.ts";
import { writeUnbuiltPackageSet } from "../support/package-set.ts";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";

needEmulators();
const project = freshProject();
const entries: LogEntry[] = [];
let cloud: Cloud;
let folder: TemporaryFolder;

beforeAll(async () => {
  folder = await temporaryFolder();
  cloud = await startCloud({
    emulators: emulatorHosts(),
    project,
    packageSet: await writeUnbuiltPackageSet(folder.path),
    workers: 1,
    workerEnv: { FIRN_NIX_CONFIG: "sandbox = false; substituters =" },
    onLog: (line) => {
      const entry = entryOf(line.slice(line.indexOf(": ") + 2));
      if (entry !== undefined) entries.push(entry);
    },
  });
});
afterAll(async () => {
  await cloud[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

function client() {
  const [registry] = cloud.registries;
  if (registry === undefined) throw new Error("no registry was started");
  return clientOf(registry);
}

const said = (program: string, pattern: RegExp) =>
  entries.filter(
    ({ labels, jsonPayload }) =>
      labels["program"] === program && pattern.test(String(jsonPayload["message"])),
  );

async function oneOf(program: string, pattern: RegExp): Promise<LogEntry> {
  await eventually(`${program} says ${pattern}`, () => said(program, pattern).length > 0);
  const [entry] = said(program, pattern);
  if (entry === undefined) throw new Error(`${program} did not say ${pattern}`);
  return entry;
}

const traceNamed = (id: string) => `projects/${project}/traces/${id}`;

test("a cold pull, its job and its build have one trace, over the processes of both programs", async () => {
  const id = "4bf92f3577b34da6a3ce929d0e0e4736";
  const headers = { traceparent: `00-${id}-00f067aa0ba902b7-01` };
  expect((await client().manifest("hello", "latest", { headers })).status).toBe(200);
  const pull = await oneOf("registry", /^pull of hello:latest: served/);
  const build = await oneOf("worker", /^amd64\/hello is ready/);
  const asked = await oneOf("registry", /^building amd64\/hello/);
  const working = await oneOf("worker", /^amd64\/hello: evaluating/);
  for (const { trace, spanId, labels } of [pull, build, asked, working]) {
    expect(trace).toBe(traceNamed(id));
    expect(spanId).toMatch(/^[0-9a-f]{16}$/);
    expect(labels["deployment"]).toBe("firn");
  }
  expect([pull.spanId, asked.spanId]).toEqual(["00f067aa0ba902b7", "00f067aa0ba902b7"]);
  // The job is a further step.
  expect(build.spanId).toBe(working.spanId);
  expect(build.spanId).not.toBe(pull.spanId);
  expect(pull.jsonPayload["keys"]).toEqual([build.jsonPayload["key"]]);
  expect(pull.httpRequest).toMatchObject({ requestMethod: "GET", status: 200 });
  const of = entries.filter(({ trace }) => trace === traceNamed(id));
  expect(new Set(of.map(({ labels }) => labels["program"]))).toEqual(
    new Set(["registry", "worker"]),
  );
});

test("headers that are no trace are left alone, and a warm pull says nothing", async () => {
  const before = entries.length;
  const headers = { traceparent: `00-${"x".repeat(32)}-1-01"}`, "x-cloud-trace-context": "{" };
  expect((await client().manifest("hello", "latest", { headers })).status).toBe(200);
  expect((await client().manifest("missing", "latest", { headers })).status).toBe(404);
  const { trace } = await oneOf("registry", /^pull of missing:latest: refused/);
  expect(trace).toMatch(new RegExp(`^${traceNamed("[0-9a-f]{32}")}$`));
  const fresh = entries.slice(before).map(({ jsonPayload }) => String(jsonPayload["message"]));
  expect(fresh.filter((message) => message.includes("hello"))).toEqual([]);
});

test("a prebuild has a trace as well, from its message to its build", async () => {
  await cloud.publish("prebuilds", '{"images": ["base"]}');
  const asked = await oneOf("prebuild", /^prebuilding amd64\/base/);
  const build = await oneOf("worker", /^amd64\/base is ready/);
  expect(asked.trace).toMatch(new RegExp(`^${traceNamed("[0-9a-f]{32}")}$`));
  expect(build.trace).toBe(asked.trace);
});

test("each metric counts what happened, and nothing else", async () => {
  expect((await client().manifest("fails")).status).toBe(404);
  await cloud.publish("jobs", "no job");
  await cloud.publish("prebuilds", "no prebuild");
  await cloud.publish("maintenance", "{}");
  await oneOf("registry", /^pull of fails:latest: refused/);
  await oneOf("worker", /is not a job/);
  await oneOf("prebuild", /was set aside/);
  await oneOf("maintenance", /builds are queued/);

  const names = metricNames("firn");
  const points = new Map(
    logMetrics("firn").map((metric) => [metric.name, pointsOf(metric, entries)] as const),
  );
  const labelsOf = (name: string) =>
    (points.get(name) ?? []).map(({ labels }) => Object.values(labels).join(" ")).sort();
  const pulls = ["refused", "refused", "served"];
  expect(labelsOf(names.pulls)).toEqual(pulls);
  expect(labelsOf(names.pullSeconds)).toEqual(pulls);
  const builds = [
    "failed build-failed pull",
    "failed packages-unknown pull",
    "ready none prebuild",
    "ready none pull",
  ];
  expect(labelsOf(names.builds)).toEqual(builds);
  expect(labelsOf(names.buildSeconds)).toEqual(builds.map((each) => each.replace(/ \S+ /, " ")));
  expect(labelsOf(names.deadLetters)).toEqual(["unreadable", "unreadable"]);
  expect(labelsOf(names.queueSeconds)).toEqual([""]);
  expect(labelsOf(names.requestFailures)).toEqual([]);
  for (const name of [names.pullSeconds, names.buildSeconds, names.queueSeconds]) {
    for (const { value } of points.get(name) ?? []) {
      expect(value).toEqual(expect.any(Number));
      expect(value).toBeGreaterThanOrEqual(0);
    }
  }
  const ready = said("worker", /^amd64\/hello is ready/)[0]?.jsonPayload;
  expect(ready).toMatchObject({ layersReused: 0 });
  expect(ready?.["layersPacked"]).toBeGreaterThan(1);
  expect(ready?.["packedBytes"]).toBeGreaterThan(0);
  const phases = ["evaluatingSeconds", "realisingSeconds", "packingSeconds"].map((each) =>
    Number(ready?.[each]),
  );
  const sum = phases.reduce((total, each) => total + each, 0);
  expect(Math.abs(Number(ready?.["buildSeconds"]) - sum)).toBeLessThan(1);
});
