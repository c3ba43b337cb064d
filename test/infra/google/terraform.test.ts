import { isDeepStrictEqual } from "node:util";
import { expect, it } from "vitest";
import { imageName } from "../../../infra/google/place.ts";
import { placeOf } from "../../../infra/google/deployment.ts";
import { parseDeploymentSettings } from "../../../infra/google/deployment-settings.ts";
import {
  everySetting,
  folder,
  listed,
  planned,
  terraformed,
  where,
  type Given,
} from "../../support/terraform-deployment.ts";
import { readTerraform } from "../../support/terraform.ts";

const terraform = await readTerraform(folder);
const account = (name: string) =>
  `for serviceAccount:firn-${name}@my-project.iam.gserviceaccount.com`;

const pool: Given = {
  FIRN_WORKER: "pool",
  FIRN_WORKER_MIN: "3",
  FIRN_WORKER_CPU: "8",
  FIRN_WORKER_MEMORY: "32Gi",
  FIRN_BUILDS: "4",
};

const deployments: readonly (readonly [string, Given])[] = [
  ["nothing but a project and a region", {}],
  ["a pool of workers", { FIRN_WORKER: "pool" }],
  ["a pool of three, with more of everything", pool],
  [
    "two platforms of the starter set",
    { FIRN_PLATFORMS: "amd64,arm64", FIRN_PACKAGE_SET: "starter" },
  ],
  [
    "accounts, whose files are one secret at two versions, and another",
    {
      FIRN_ACCESS: "user:*=build",
      FIRN_USERS: "secret:Accounts_1",
      FIRN_TOKENS: "secret:Accounts_1:12",
      FIRN_TOKEN_KEYS: "secret:keys:2",
    },
  ],
  ["every setting there is", everySetting],
  ["every setting there is, and a pool", { ...everySetting, FIRN_WORKER: "pool" }],
];

it.each(deployments)("Terraform makes what `npm run deploy` makes, with %s", (_, given) => {
  expect(terraformed(terraform, given)).toEqual(listed(given));
});

it.each(["service", "worker pool"])(
  "what git signs in with is mounted in the worker's %s, which may read that secret",
  (kind) => {
    const made = terraformed(terraform, {
      FIRN_GIT_CREDENTIALS: "secret:Git_1:3",
      FIRN_WORKER: kind === "service" ? "service" : "pool",
    });
    expect(made[`${kind} firn-worker`]).toMatchObject({
      environment: { FIRN_GIT_CREDENTIALS: "/secrets/Git_1/3/value" },
      secrets: { "/secrets/Git_1/3/value": "Git_1:3" },
    });
    const right = `roles/secretmanager.secretAccessor on secret Git_1 ${account("worker")}`;
    expect(Object.keys(made).filter((key) => key.includes("Git_1"))).toEqual([`access ${right}`]);
    expect(made["APIs of Google"]?.["enabled"]).toContain("secretmanager.googleapis.com");
  },
);

it("the outputs say where the registry is, what to pull, and what to call the worker's image", () => {
  const host = "firn-registry-123456789012.europe-west1.run.app";
  expect(planned(terraform, {}).outputs).toEqual({
    registry_url: `https://${host}`,
    docker_pull: `docker pull ${host}/hello`,
    worker_image: imageName(placeOf(where, parseDeploymentSettings("", where.project))),
  });
});

it("the lifecycle of uploads is read from the file that gcloud is handed", () => {
  const bucket = planned(terraform, {}).instances.find(
    ({ type }) => type === "google_storage_bucket",
  );
  expect(bucket?.values["lifecycle_rule"]).toEqual([
    { action: [{ type: "Delete" }], condition: [{ age: 1, matches_prefix: ["staging/"] }] },
  ]);
});

// File, what is there, what is put there, and all that is different then.
const changes: readonly (readonly [string, string, string, string, readonly string[]])[] = [
  [
    "a right less",
    "access.tf",
    '    events   = "blobKeeper"\n',
    "",
    [
      `access projects/my-project/roles/firn_blobKeeper on bucket my-project-firn ${account("events")}`,
    ],
  ],
  [
    "a right more",
    "access.tf",
    '"pins"          = ["registry", "events"]',
    '"pins"          = ["registry", "events", "push"]',
    [`access roles/pubsub.publisher on topic firn-pins ${account("push")}`],
  ],
  [
    "everybody who may call a function that Pub/Sub alone may call",
    "access.tf",
    'each.key == "registry"',
    'each.key != "burial"',
    ["maintenance", "prebuild", "retention"].flatMap((target) => [
      `access roles/run.invoker on function firn-${target} for allUsers`,
      `access roles/run.invoker on function firn-${target} ${account("push")}`,
    ]),
  ],
  [
    "a permission more",
    "accounts.tf",
    '["iam.serviceAccounts.signBlob"]',
    '["iam.serviceAccounts.signBlob", "iam.serviceAccounts.signJwt"]',
    ["role firn_urlSigner"],
  ],
  [
    "another retention",
    "messages.tf",
    '"600s" :',
    '"3600s" :',
    ["subscription firn-maintenance-push"],
  ],
  [
    "burials that go to the dead letters",
    "messages.tf",
    'letters = event.topic != "dead"',
    "letters = true",
    [
      `access roles/pubsub.subscriber on subscription firn-dead-push for serviceAccount:service-123456789012@gcp-sa-pubsub.iam.gserviceaccount.com`,
      "subscription firn-dead-push",
    ],
  ],
  [
    "a topic more",
    "messages.tf",
    '"retention", "dead"]',
    '"retention", "dead", "more"]',
    ["topic firn-more"],
  ],
  ["an open bucket", "storage.tf", '"enforced"', '"inherited"', ["bucket my-project-firn"]],
  [
    "an index less",
    "records.tf",
    '      "publishedAt"     = "ASCENDING"\n',
    "",
    ["index images.publishedAt"],
  ],
  [
    "a collection that keeps all",
    "records.tf",
    '["images", "pins", "quotas", "pulled"]',
    '["images", "pins"]',
    ["time to live pulled.expireAt", "time to live quotas.expireAt"],
  ],
  [
    "a registry with less time",
    "functions.tf",
    "seconds = 3600",
    "seconds = 300",
    ["function firn-registry"],
  ],
  [
    "a worker that is not told who pushes",
    "worker.tf",
    "    FIRN_PUSH_AUDIENCE = local.worker_url\n",
    "",
    ["service firn-worker"],
  ],
  ["another clock", "functions.tf", '"* * * * *"', '"*/5 * * * *"', ["schedule firn-maintenance"]],
  [
    "alerts that nobody is told of",
    "monitoring.tf",
    "= local.alert_channels",
    '= ["nobody"]',
    ["build-time", "cold-pulls-failing", "dead-letters", "error-rate", "no-worker"].map(
      (alert) => `alert firn-${alert}`,
    ),
  ],
  [
    "metrics without labels",
    "monitoring.tf",
    "try(each.value.metricDescriptor.labels, [])",
    "[]",
    ["build-seconds", "builds", "dead-letters", "pull-seconds", "pulls"].map(
      (metric) => `log metric firn-${metric}`,
    ),
  ],
  ["an API less", "main.tf", '    "run.googleapis.com",\n', "", ["APIs of Google"]],
];

it.each(changes)("what is different is found: %s", async (_, file, from, to, different) => {
  const changed = await readTerraform(folder, (text, name) => {
    if (name !== file) return text;
    expect(text).toContain(from);
    return text.replace(from, to);
  });
  // What is not changed is what is listed, by the test above.
  const [here, there] = [terraformed(changed, {}), terraformed(terraform, {})];
  const keys = [...new Set([...Object.keys(here), ...Object.keys(there)])];
  const found = keys.filter((key) => !isDeepStrictEqual(here[key], there[key]));
  expect(found.sort()).toEqual([...different].sort());
});

it("an argument of Terraform's that is compared with nothing is an error", async () => {
  const changed = await readTerraform(folder, (text) =>
    text.replace("  service_config {", '  service_config {\n    ingress_settings = "ALLOW_ALL"'),
  );
  expect(() => terraformed(changed, {})).toThrow(
    "service_config.ingress_settings is not compared with anything",
  );
});

it("what has a place is in the region", () => {
  const { instances } = planned(terraform, everySetting);
  const places = instances.flatMap(({ type, values }) => {
    if (type === "google_storage_bucket") return [];
    return [values["location"] ?? [], values["region"] ?? []].flat();
  });
  expect(places.length).toBeGreaterThan(10);
  expect(new Set(places)).toEqual(new Set([where.region]));
});

it("what depends on something that is not there is an error", async () => {
  const changed = await readTerraform(folder, (text) =>
    text.replaceAll("google_project_service.used]", "google_project_service.uses]"),
  );
  expect(() => terraformed(changed, {})).toThrow(
    "google_project_service.uses}, which is not there",
  );
});

it("a type of Terraform's that is compared with nothing is an error", async () => {
  const more = await readTerraform(folder, (text, name) =>
    name === "clock.tf"
      ? `${text}\nresource "google_pubsub_schema" "more" {\n  name = "more"\n}\n`
      : text,
  );
  expect(() => terraformed(more, {})).toThrow(
    "google_pubsub_schema.more is not compared with anything",
  );
});
