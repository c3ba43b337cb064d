import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { stagingPrefix } from "../../../core/google/blob-object.ts";
import { collections } from "../../../core/google/indexes.ts";
import { topicNames } from "../../../core/google/topics.ts";
import { alertNames } from "../../../infra/google/alerts.ts";
import { deploymentOf, placeOf } from "../../../infra/google/deployment.ts";
import { parseDeploymentSettings } from "../../../infra/google/deployment-settings.ts";
import { difference, removal } from "../../../infra/google/difference.ts";
import { eventFunctions } from "../../../infra/google/functions.ts";
import { keyOf, type Resource } from "../../../infra/google/resource.ts";
import { asWanted, resourceNamed } from "../../support/deployment-resources.ts";

const root = join(import.meta.dirname, "../../..");
const where = { project: "my-project", number: "123456789012", region: "europe-west1" };

function resourcesWith(text = ""): readonly Resource[] {
  const settings = parseDeploymentSettings(text, where.project);
  const sources = { functions: "f".repeat(16), worker: "a".repeat(16) };
  return deploymentOf(placeOf(where, settings), settings, sources).resources;
}

const argumentsOf = ({ create }: Resource) => create.flatMap(({ args }) => args);

it("no two resources are the same, and each says why it is there", () => {
  const resources = resourcesWith();
  expect(new Set(resources.map(keyOf)).size).toBe(resources.length);
  expect(resources.filter(({ why }) => why === "")).toEqual([]);
});

it("what is as it is to be costs nothing, and what is not there is made in order", () => {
  const resources = resourcesWith();
  expect(difference(resources, asWanted(resources))).toEqual({ steps: [], obstacles: [] });
  const { steps } = difference(resources, new Map());
  expect(steps.map(({ resource }) => resource)).toEqual(
    resources.filter(({ unwanted }) => unwanted !== true),
  );
});

it("whatever belongs to something is made after it", () => {
  const resources = resourcesWith();
  for (const [index, { within }] of resources.entries()) {
    if (within === undefined || within.kind === "project") continue;
    const owner = resources.findIndex((each) => keyOf(each) === keyOf(within));
    expect(owner).toBeGreaterThanOrEqual(0);
    expect(owner).toBeLessThan(index);
  }
});

it("a changed setting changes what is told of it, and nothing else", () => {
  const { steps } = difference(resourcesWith("FIRN_HOLD_SECONDS=20"), asWanted(resourcesWith()));
  expect(steps.map(({ action, resource }) => `${action} ${keyOf(resource)}`)).toEqual([
    "update function firn-registry",
    "update function firn-prebuild",
    "update function firn-maintenance",
    "update function firn-retention",
    "update function firn-burial",
  ]);
});

it("a worker pool takes jobs in place of the service that they are pushed to", () => {
  const resources = resourcesWith("FIRN_WORKER=pool\nFIRN_WORKER_MIN=2");
  const pool = resourceNamed(resources, "worker pool firn-worker");
  expect(argumentsOf(pool).slice(0, 6)).toEqual([
    "beta",
    "run",
    "worker-pools",
    "deploy",
    "firn-worker",
    `--image=europe-west1-docker.pkg.dev/my-project/firn/worker:${"a".repeat(16)}`,
  ]);
  expect(argumentsOf(pool)).toContain("--scaling=2");
  expect(pool.wanted["environment"]).toMatchObject({ FIRN_JOBS: "pull" });
  const { steps } = difference(resources, asWanted(resourcesWith()));
  const removed = steps.filter(({ action }) => action === "remove");
  expect(removed.map(({ resource }) => keyOf(resource))).toEqual([
    "subscription firn-jobs-push",
    "subscription firn-prebuild-jobs-push",
    "subscription firn-pins-push",
    "service firn-worker",
  ]);
});

it("a database in another place, or of another kind, is in the way, and nothing is done about it", () => {
  const resources = resourcesWith();
  const live = asWanted(resources);
  live.set("database (default)", { type: "DATASTORE_MODE", locationId: "nam5" });
  const { steps, obstacles } = difference(resources, live);
  expect(steps).toEqual([]);
  expect(obstacles).toEqual([
    expect.stringMatching(/^database \(default\): type is "DATASTORE_MODE".*FIRN_DATABASE=firn$/),
    expect.stringMatching(/^database \(default\): locationId is "nam5".*FIRN_LOCATION/),
  ]);
});

it("taking it down removes what runs and keeps bucket and database, unless they are to go too", () => {
  const resources = resourcesWith().filter(({ kind }) => kind !== "alert" && kind !== "dashboard");
  const removed = (data: boolean) =>
    removal(resources, asWanted(resources), data).map(({ resource }) => keyOf(resource));
  expect(removed(false).slice(0, 3)).toEqual([
    "schedule firn-retention",
    "schedule firn-maintenance",
    "service firn-worker",
  ]);
  expect(removed(false)).not.toContain("bucket my-project-firn");
  expect(removed(false).filter((each) => each.includes("on bucket"))).toHaveLength(3);
  expect(removed(true)).toContain("bucket my-project-firn");
  expect(removed(true)).toContain("database (default)");
  expect(removed(true).filter((each) => each.includes("on bucket"))).toEqual([]);
  expect(removed(true)).not.toContain("APIs of Google");
});

it("nobody reaches what runs but whom the table of access names", () => {
  const running = resourcesWith().filter(({ kind }) => kind === "function" || kind === "service");
  expect(running).toHaveLength(6);
  for (const each of running) expect(argumentsOf(each)).toContain("--no-allow-unauthenticated");
});

it("every topic of the code is made, and the dead letters of all subscriptions go where the code looks", () => {
  const resources = resourcesWith();
  const topics = resources.filter(({ kind }) => kind === "topic").map(({ name }) => name);
  expect(topics.sort()).toEqual(Object.values(topicNames("firn")).sort());
  const letters = resources
    .filter(({ kind, name }) => kind === "subscription" && !name.startsWith("firn-dead"))
    .map(({ wanted }) => wanted["deadLetterTopic"]);
  expect(new Set(letters)).toEqual(new Set(["firn-dead"]));
});

it("every function of the code is deployed, and called by a topic of its own or by everybody", () => {
  const code = readFileSync(join(root, "functions/index.ts"), "utf8");
  const found = code.matchAll(/framework\.(?:http|cloudEvent)\("(\w+)"/g);
  const targets = eventFunctions.map(({ target }) => target);
  expect(["registry", ...targets].sort()).toEqual([...found].map(([, name = ""]) => name).sort());
  const lanes = new Set(["jobs", "prebuildJobs", "pins"]);
  const topics = Object.keys(topicNames("firn")).filter((topic) => !lanes.has(topic));
  expect(eventFunctions.map(({ topic }) => topic).sort()).toEqual(topics.sort());
});

it("what queries ask by is indexed, and nothing else is", () => {
  const folder = join(root, "core/google");
  const code = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
  const found = code.join("\n").matchAll(/\.(?:where|orderBy)\(\s*"([^"]+)"/g);
  const asked = new Set([...found].map(([, field = ""]) => field).filter((f) => f !== "__name__"));
  const indexed = collections.flatMap((each) => each.indexed.map(({ field }) => field));
  expect(new Set(indexed)).toEqual(asked);
  const exempted = resourcesWith().filter(
    ({ kind, name }) => kind === "index" && name.endsWith(".*"),
  );
  expect(exempted.map(({ name }) => name)).toEqual(
    collections.map((each) => `${each.collection}.*`),
  );
});

it("the bucket forgets what the code stages, and nothing else", () => {
  const text = readFileSync(join(root, "infra/google/lifecycle.json"), "utf8");
  const { rule } = JSON.parse(text) as { rule: unknown };
  const condition = { age: 1, matchesPrefix: [stagingPrefix] };
  expect(rule).toEqual([{ action: { type: "Delete" }, condition }]);
});

it("names begin with FIRN_TOPICS, so that a project can have several registries", () => {
  const resources = resourcesWith("FIRN_TOPICS=snow\nFIRN_BUCKET=my-snow\nFIRN_DATABASE=snow");
  const shared = new Set(["APIs", "index", "time to live", "access", "image"]);
  const others = resources.filter(({ kind }) => !shared.has(kind));
  expect(others.filter(({ name }) => !/^(?:my-)?snow/.test(name))).toEqual([]);
});

it("alerts are known again by what Google calls them, and lead to who is told and to the runbook", () => {
  const channel = "projects/my-project/notificationChannels/7";
  const text = `FIRN_ALERT_CHANNELS=${channel}\nFIRN_RUNBOOK=https://example.com/runbook`;
  const resources = resourcesWith(text);
  const live = asWanted(resourcesWith());
  const given = { name: "projects/my-project/alertPolicies/42" };
  live.set("alert firn-no-worker", { ...live.get("alert firn-no-worker"), given });
  expect(difference(resourcesWith(), live).steps).toEqual([]);
  const { steps } = difference(resources, live);
  expect(steps.map(({ resource }) => resource.kind)).toEqual(alertNames.map(() => "alert"));
  const [update] =
    steps.find(({ resource: { name } }) => name === "firn-no-worker")?.commands ?? [];
  expect(update?.args.slice(0, 5)).toEqual(["alpha", "monitoring", "policies", "update", "42"]);
  expect(JSON.parse(update?.input ?? "")).toMatchObject({
    notificationChannels: [channel],
    documentation: { content: expect.stringContaining("https://example.com/runbook#no-worker") },
  });
  const removed = removal(resources, live, false).find(
    ({ resource: { name } }) => name === "firn-no-worker",
  );
  expect(removed?.commands).toEqual([
    { program: "gcloud", args: ["alpha", "monitoring", "policies", "delete", "42"] },
  ]);
});

it("metrics are made early and go last, and what refers to them the other way round", () => {
  const resources = resourcesWith();
  const kinds = resources.map(({ kind }) => kind);
  expect(kinds.slice(0, 8)).toEqual(["APIs", ...Array.from({ length: 7 }, () => "log metric")]);
  expect(kinds.slice(-6)).toEqual([...alertNames.map(() => "alert"), "dashboard"]);
  const removed = removal(resources, asWanted(resources), true).map(
    ({ resource }) => resource.kind,
  );
  expect(removed.slice(0, 2)).toEqual(["dashboard", "alert"]);
  expect(removed.at(-1)).toBe("log metric");
});
