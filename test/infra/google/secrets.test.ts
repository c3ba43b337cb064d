import { expect, it } from "vitest";
import { deploymentOf, placeOf } from "../../../infra/google/deployment.ts";
import { parseDeploymentSettings } from "../../../infra/google/deployment-settings.ts";
import { difference, removal } from "../../../infra/google/difference.ts";
import { keyOf, type Properties, type Resource } from "../../../infra/google/resource.ts";
import { asWanted, resourceNamed } from "../../support/deployment-resources.ts";

const where = { project: "my-project", number: "123456789012", region: "europe-west1" };
const accounts = `FIRN_ACCESS=user:*=build
FIRN_USERS=secret:firn-users
FIRN_TOKEN_KEYS=secret:firn-token-keys:2`;
const registry = "serviceAccount:firn-registry@my-project.iam.gserviceaccount.com";
const worker = "serviceAccount:firn-worker@my-project.iam.gserviceaccount.com";

function partWith(text: string) {
  const settings = parseDeploymentSettings(text, where.project);
  const sources = { functions: "f".repeat(16), worker: "a".repeat(16) };
  return deploymentOf(placeOf(where, settings), settings, sources);
}

const commandsOf = (resource: Resource, live: Properties) =>
  (resource.update?.(live) ?? resource.create).map(({ args }) => args.join(" "));
const flagsOf = (resource: Resource) => resource.create.flatMap(({ args }) => args);
const isSecrets = (flag: string) => /^--(?:(?:set|clear)-secrets|(?:add|clear)-volume)/.test(flag);
const mounting = (...secrets: readonly string[]) => ({ given: { secrets } });

it("the registry alone mounts what its settings name, is told the paths, and may read these secrets alone", () => {
  const { resources } = partWith(accounts);
  const own = resources.filter((each) => flagsOf(each).some((flag) => isSecrets(flag)));
  expect(own.map(keyOf)).toEqual(["function firn-registry"]);
  const flags = flagsOf(resourceNamed(resources, "function firn-registry"));
  expect(flags).toContain(
    "--set-secrets=/secrets/firn-users/latest/value=firn-users:latest,/secrets/firn-token-keys/2/value=firn-token-keys:2",
  );
  expect(flags.find((flag) => flag.startsWith("--set-env-vars"))).toContain(
    "FIRN_USERS=/secrets/firn-users/latest/value|FIRN_TOKEN_KEYS=/secrets/firn-token-keys/2/value",
  );
  const rights = resources.filter(({ within }) => within?.kind === "secret");
  expect(rights.map(({ name }) => name)).toEqual(
    ["firn-users", "firn-token-keys"].map(
      (name) => `roles/secretmanager.secretAccessor on secret ${name} for ${registry}`,
    ),
  );
});

it("without a secret there is nothing of Secret Manager's, and what is deployed is as it was", () => {
  const { resources, readings } = partWith("");
  expect(JSON.stringify(resources)).not.toContain("secretmanager");
  expect(resources.filter((each) => flagsOf(each).some((flag) => isSecrets(flag)))).toEqual([]);
  expect(readings.filter(({ api }) => api.startsWith("secretmanager"))).toEqual([]);
});

it("a worker mounts its secrets too, and a pool of them as volumes, which gcloud's alpha version alone can do", () => {
  const secret = "FIRN_GIT_CREDENTIALS=secret:firn-git:3";
  const { resources } = partWith(secret);
  const service = resourceNamed(resources, "service firn-worker");
  expect(flagsOf(service)).toContain("--set-secrets=/secrets/firn-git/3/value=firn-git:3");
  expect(service.wanted["environment"]).toMatchObject({
    FIRN_GIT_CREDENTIALS: "/secrets/firn-git/3/value",
  });
  const right = `roles/secretmanager.secretAccessor on secret firn-git for ${worker}`;
  expect(resources.filter(({ within }) => within?.kind === "secret")).toMatchObject([
    { name: right },
  ]);

  const pool = resourceNamed(
    partWith(`FIRN_WORKER=pool\n${secret}`).resources,
    "worker pool firn-worker",
  );
  const flags = flagsOf(pool);
  expect(flags.slice(0, 4)).toEqual(["alpha", "run", "worker-pools", "deploy"]);
  const [volume = "", mount = "", ...more] = flags.filter((flag) => isSecrets(flag));
  const [, name = ""] =
    /^--add-volume=name=([a-z0-9-]{1,63}),type=secret,secret=firn-git,version=3,path=value$/.exec(
      volume,
    ) ?? [];
  expect(name).not.toBe("");
  expect(mount).toBe(`--add-volume-mount=volume=${name},mount-path=/secrets/firn-git/3`);
  expect(more).toEqual([]);
  expect(commandsOf(pool, mounting("firn-git"))[0]).toContain(
    "--clear-volumes --clear-volume-mounts",
  );
});

it("two settings may name one secret, which is mounted once a version and read by one right", () => {
  const text = "FIRN_USERS=secret:all\nFIRN_TOKENS=secret:all\nFIRN_BLOCKED=secret:all:7";
  const { resources } = partWith(text);
  expect(resourceNamed(resources, "function firn-registry").wanted["secrets"]).toEqual({
    "/secrets/all/latest/value": "all:latest",
    "/secrets/all/7/value": "all:7",
  });
  expect(resources.filter(({ within }) => within?.kind === "secret")).toHaveLength(1);
  expect(resourceNamed(resources, "secret all").wanted).toEqual({ versions: ["7", "latest"] });
});

it("a secret that is not there is in the way, with the command that makes it", () => {
  const { resources } = partWith(accounts);
  const live = asWanted(resources);
  live.delete("secret firn-users");
  expect(difference(resources, live)).toEqual({
    steps: [],
    obstacles: [
      "secret firn-users: it is not there. make it: gcloud secrets create firn-users --project=my-project --replication-policy=automatic --data-file=<file for FIRN_USERS>",
    ],
  });
});

it.each([
  ["of a secret that has none", [], []],
  ["that is disabled", [["2", "DISABLED"]], []],
  ["that is not there", [["1", "ENABLED"]], ["latest"]],
  [
    "but for the newest, which is disabled",
    [
      ["3", "DISABLED"],
      ["2", "ENABLED"],
    ],
    ["2"],
  ],
])("a version %s is in the way as well", (_, versions, readable) => {
  const { resources, readings } = partWith("FIRN_USERS=secret:it\nFIRN_TOKENS=secret:it:2");
  const reading = readings.find(({ args }) => args.join(" ") === "secrets versions list it");
  const answer = versions.map(([number, state]) => {
    return { name: `projects/1/secrets/it/versions/${number}`, state };
  });
  const [found] = reading?.read(answer) ?? [];
  expect(found).toEqual({ kind: "secret", name: "it", live: { versions: readable } });
  const live = asWanted(resources).set("secret it", found?.live ?? {});
  const { steps, obstacles } = difference(resources, live);
  expect(steps).toEqual([]);
  expect(obstacles).toEqual([expect.stringContaining("gcloud secrets versions add it --project")]);
});

it("what is named no longer is unmounted, and then the right to it is taken away", () => {
  const function_ = (text: string) =>
    resourceNamed(partWith(text).resources, "function firn-registry");
  const remove = (name: string) =>
    `secrets remove-iam-policy-binding ${name} --member=${registry} --role=roles/secretmanager.secretAccessor`;
  const live = mounting("firn-users", "firn-token-keys", "firn-blocked");
  const [, less = "", ...rights] = commandsOf(function_(accounts), live);
  expect(less).toContain("--set-secrets=/secrets/firn-users/latest/value=firn-users:latest,");
  expect(rights).toEqual([remove("firn-blocked")]);
  const [, nothing = "", ...all] = commandsOf(function_(""), live);
  expect(nothing).toContain("--clear-secrets");
  expect(all).toEqual([remove("firn-users"), remove("firn-token-keys"), remove("firn-blocked")]);
  expect(commandsOf(function_(""), mounting())[1]).not.toContain("secrets");
});

it("taking the deployment down takes the rights away, also of secrets that nobody names then, and leaves the secrets", () => {
  const { resources } = partWith(accounts);
  const commands = (text: string) => {
    const live = asWanted(resources).set("function firn-registry", mounting("firn-users"));
    const steps = removal(partWith(text).resources, live, true);
    const all = steps.flatMap((step) => step.commands.map(({ args }) => args.join(" ")));
    return all.filter((each) => each.startsWith("secrets "));
  };
  const remove = (name: string) =>
    `secrets remove-iam-policy-binding ${name} --member=${registry} --role=roles/secretmanager.secretAccessor`;
  expect(commands("")).toEqual([remove("firn-users")]);
  expect(commands(accounts)).toEqual([remove("firn-token-keys"), remove("firn-users")]);
});
