import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { pullSubscriptionNames, pushSubscriptionNames } from "../../../core/google/topics.ts";
import { alertNames, type Condition } from "../../../infra/google/alerts.ts";
import { monitoring } from "../../../infra/google/monitoring.ts";
import { testRegistry } from "../../support/registry.ts";
import { entryOf, pointsOf, selects, type LogEntry } from "../../support/log-entry.ts";

const root = join(import.meta.dirname, "../../..");
const runbook = readFileSync(join(root, "infra/google/RUNBOOK.md"), "utf8");
const options = {
  prefix: "firn",
  registry: "firn-registry",
  bucket: "firn-blobs",
  runbook: "https://example.com/infra/google/RUNBOOK.md",
  channels: ["projects/p/notificationChannels/1"],
} as const;
const deployments = [
  { ...options, worker: "pool" },
  { ...options, worker: "service" },
] as const;

/** Metrics that Google keeps of its own services, with the labels firn asks for. */
const kept: Readonly<Record<string, readonly string[]>> = {
  "run.googleapis.com/request_count": ["response_code_class"],
  "run.googleapis.com/request_latencies": [],
  "run.googleapis.com/container/instance_count": ["state"],
  "pubsub.googleapis.com/subscription/oldest_unacked_message_age": [],
  "storage.googleapis.com/storage/v2/total_bytes": [],
};

function selectorsOf(filter: string): Readonly<Record<string, string>> {
  const parts = filter.split(" AND ").map((part) => /^([\w.]+) = "([^"]+)"$/.exec(part));
  return Object.fromEntries(parts.map((part) => [part?.[1] ?? filter, part?.[2] ?? ""]));
}

/** The labels of metrics that a filter, or what is grouped by, asks for. */
const labelsAsked = (words: readonly string[]) =>
  words.flatMap((word) => /^metric\.labels\.(\w+)$/.exec(word)?.[1] ?? []);

const thresholdOf = (condition: Condition) =>
  "conditionAbsent" in condition ? condition.conditionAbsent : condition.conditionThreshold;

describe.each(deployments)("what watches a deployment whose worker is a $worker", (deployment) => {
  const { metrics, policies, dashboard } = monitoring(deployment);
  const charts = dashboard.mosaicLayout.tiles.flatMap(({ widget }) => widget.xyChart.dataSets);
  const asked = [
    ...policies.flatMap(({ conditions }) =>
      conditions.map(thresholdOf).flatMap(({ filter, denominatorFilter = filter }) => [
        { filter, groupByFields: [] as readonly string[] },
        { filter: denominatorFilter, groupByFields: [] },
      ]),
    ),
    ...charts.map(({ timeSeriesQuery: { timeSeriesFilter } }) => ({
      filter: timeSeriesFilter.filter,
      groupByFields: timeSeriesFilter.aggregation.groupByFields ?? [],
    })),
  ];

  it("refers only to metrics that there are, by labels that they have", () => {
    const own = metrics.map(({ name, labelExtractors = {} }) => [
      `logging.googleapis.com/user/${name}`,
      Object.keys(labelExtractors),
    ]);
    const known = { ...kept, ...Object.fromEntries(own) } as typeof kept;
    for (const { filter, groupByFields } of asked) {
      const selectors = selectorsOf(filter);
      const labels = known[selectors["metric.type"] ?? ""];
      expect(labels, filter).toBeDefined();
      expect(selectors["resource.type"], filter).toMatch(/^[a-z_]+$/);
      const wanted = labelsAsked([...Object.keys(selectors), ...groupByFields]);
      expect(labels).toEqual(expect.arrayContaining(wanted));
    }
  });

  it("has an alert for each name, a chart for each metric, and leads to the runbook", () => {
    expect(policies.map(({ userLabels }) => userLabels.alert)).toEqual(alertNames);
    const sections = [...runbook.matchAll(/^### (.+)$/gm)].map(([, name]) => name);
    expect(sections).toEqual(alertNames);
    for (const { userLabels, documentation } of policies) {
      expect(documentation.content).toContain(`${options.runbook}#${userLabels.alert}`);
    }
    const drawn = charts.map(
      ({ timeSeriesQuery }) =>
        selectorsOf(timeSeriesQuery.timeSeriesFilter.filter)["metric.type"] ?? "",
    );
    for (const { name } of metrics) {
      expect(drawn).toContain(`logging.googleapis.com/user/${name}`);
    }
  });

  it("looks for workers' lines where workers write them, and at the subscription they have", () => {
    const text = JSON.stringify(policies);
    const isPool = deployment.worker === "pool";
    expect(text.includes("cloud_run_worker_pool")).toBe(isPool);
    const { pins } = (isPool ? pullSubscriptionNames : pushSubscriptionNames)("firn");
    expect(text).toContain(`"resource.labels.subscription_id = \\"${pins}\\"`.slice(1));
  });

  it("keeps to what Monitoring takes: whole minutes, charts side by side, names that differ", () => {
    const thresholds = policies.flatMap(({ conditions }) => conditions.map(thresholdOf));
    const periods = [
      ...thresholds.map(({ duration }) => duration),
      ...thresholds.flatMap(({ aggregations, denominatorAggregations = [] }) =>
        aggregations.concat(denominatorAggregations).map((each) => each.alignmentPeriod),
      ),
      ...charts.map(
        ({ timeSeriesQuery }) => timeSeriesQuery.timeSeriesFilter.aggregation.alignmentPeriod,
      ),
    ];
    for (const period of periods) expect(Number(period.slice(0, -1)) % 60).toBe(0);
    const { columns, tiles } = dashboard.mosaicLayout;
    const taken = tiles.map(({ xPos = 0, yPos = 0, width }) => {
      expect(xPos + width).toBeLessThanOrEqual(columns);
      return `${xPos} ${yPos}`;
    });
    expect(new Set(taken).size).toBe(tiles.length);
    expect(new Set(metrics.map(({ name }) => name)).size).toBe(metrics.length);
    expect(new Set(policies.map(({ displayName }) => displayName)).size).toBe(policies.length);
  });
});

it("two deployments of one project count apart", () => {
  const [pulls] = monitoring({ ...options, worker: "pool", prefix: "other" }).metrics;
  const entry = entryOf(
    '{"event":"pull","outcome":"served","logging.googleapis.com/labels":{"deployment":"firn"}}',
  );
  if (entry === undefined || pulls === undefined) throw new Error("there is no such metric");
  expect(pulls.name).toBe("other-pulls");
  expect(pointsOf(pulls, [entry])).toEqual([]);
});

it("an error of ours that nobody expected is counted, with the request it answered", async () => {
  const entries: LogEntry[] = [];
  await using registry = await testRegistry({
    referrersOf: () => Promise.reject(new Error("the store is away")),
    onLog: (severity, message, fields = {}) =>
      void entries.push({
        severity,
        labels: { deployment: "firn" },
        httpRequest: fields["httpRequest"],
        jsonPayload: { message, ...fields },
      }),
  });
  const path = `/v2/git/referrers/sha256:${"0".repeat(64)}`;
  expect((await registry.ask(path)).status).toBe(503);
  expect((await registry.ask("/v2/Upper/manifests/latest")).status).toBe(400);
  const counted = monitoring({ ...options, worker: "pool" }).metrics.flatMap((metric) =>
    pointsOf(metric, entries).map(() => metric.name),
  );
  expect(counted).toEqual(["firn-request-failures"]);
  expect(entries[0]?.httpRequest).toMatchObject({
    requestMethod: "GET",
    requestUrl: path,
    status: 503,
  });
});

describe("the runbook", () => {
  const queries = [...runbook.matchAll(/gcloud logging read '([^']+)'/g)].map(
    ([, query = ""]) => query,
  );

  it("looks into the log by fields and events that there are", () => {
    // Lines as they are logged, without what is not asked for.
    const lines = [
      { event: "pull", outcome: "failed" },
      { event: "build", reason: "service", key: "BUILD KEY" },
      { event: "dead-letter" },
      { event: "maintenance" },
      { event: "worker-started" },
      { event: "request-failed" },
    ];
    const entries = lines.map((jsonPayload) => ({
      severity: "INFO",
      labels: { deployment: "firn" },
      trace: "projects/PROJECT/traces/TRACE",
      jsonPayload,
    }));
    const ours = queries.filter((query) => !query.startsWith("resource.type"));
    expect(ours.length).toBeGreaterThan(8);
    for (const query of ours) {
      expect(entries.filter((entry) => selects(query, entry)).length, query).toBeGreaterThan(0);
    }
  });

  it("says how many conditions there are to pay for", () => {
    const { policies } = monitoring({ ...options, worker: "pool" });
    const conditions = policies.flatMap((policy) => policy.conditions).length;
    expect(conditions).toBe(10);
    expect(runbook).toContain("charged by the condition; there are ten here");
  });
});
