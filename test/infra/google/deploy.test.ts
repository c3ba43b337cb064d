import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { deploy } from "../../../infra/google/deploy-program.ts";
import { destroy } from "../../../infra/google/destroy-program.ts";
import { status } from "../../../infra/google/status-program.ts";
import { linesOf } from "../../support/changes.ts";
import { freshCloud, startGcloud, type FreshProject } from "../../support/deployment.ts";
import { needEmulators } from "../../support/emulators.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

needEmulators();

// One deployment, from its first day to its last: each test begins where the one before ended.
let cloud: FreshProject;
let command: readonly string[];
const minutes = 60_000;

beforeAll(async () => {
  cloud = await freshCloud(startGcloud);
  command = ["--project", cloud.project, "--region", "europe-west1"];
}, 2 * minutes);
afterAll(async () => await cloud?.[Symbol.asyncDispose]());

/** What a command changes, and says, and ends with. */
async function changesOf(work: () => Promise<number>) {
  const from = cloud.stub.requests.length;
  cloud.said.length = 0;
  const code = await work();
  return {
    code,
    lines: linesOf(cloud.stub.requests.slice(from), cloud.project),
    said: cloud.said.join("\n"),
  };
}

async function settingsFile(folder: string, text: string): Promise<readonly string[]> {
  const file = join(folder, "firn.env");
  await writeFile(file, text);
  return [...command, "--settings", file];
}

it(
  "a plan for a fresh project says every command and why, and touches nothing, with gcloud as people have it",
  { timeout: 2 * minutes },
  async () => {
    await using plain = await startGcloud(cloud.stub.port, true);
    const { code, lines, said } = await changesOf(() =>
      deploy([...command, "--plan"], cloud.terminal(plain)),
    );
    expect(code).toBe(0);
    expect(lines).toEqual([]);
    expect(said).toContain("create topic firn-jobs: builds that somebody waits for go through it");
    expect(said).toContain(
      `gcloud pubsub topics create firn-jobs --project=${cloud.project} --quiet`,
    );
  },
);

it("one command makes a registry of a fresh project", { timeout: 20 * minutes }, async () => {
  cloud.registry.ready = false;
  const { code, lines, said } = await changesOf(() => deploy(command, cloud.terminal()));
  expect(said).toContain("firn is up at http://127.0.0.1");
  expect(said).toMatch(/^ {2}docker pull 127\.0\.0\.1:\d+\/hello$/m);
  expect(code).toBe(0);
  // The first pin is a message, and so no part of what is there.
  const [published, ...others] = lines.filter((line) => line.includes(":publish"));
  expect(published).toContain("/topics/firn-pins:publish");
  expect(others).toEqual([]);
  const made = lines.filter((line) => line !== published);
  await expect(`${made.toSorted().join("\n")}\n`).toMatchFileSnapshot("every-change.txt");
});

it("the same command again changes nothing", { timeout: 4 * minutes }, async () => {
  const { code, lines, said } = await changesOf(() => deploy(command, cloud.terminal()));
  expect(lines).toEqual([]);
  expect(said).toContain("all of it is as it is to be");
  expect(code).toBe(0);
});

it("a changed setting changes what is told of it alone", { timeout: 4 * minutes }, async () => {
  await using folder = await temporaryFolder();
  const args = await settingsFile(folder.path, "FIRN_HOLD_SECONDS=20\n");
  const { code, lines } = await changesOf(() => deploy(args, cloud.terminal()));
  expect(code).toBe(0);
  const changed = lines.map((line) => line.replace(/[? ](?:update|\{).*/, ""));
  const path = "cloudfunctions PATCH /v2/projects/PROJECT/locations/europe-west1/functions";
  const functions = ["burial", "maintenance", "prebuild", "registry", "retention"];
  expect(changed).toEqual(functions.map((name) => `${path}/firn-${name}`));
});

it("what somebody changed by hand is seen, and put right", { timeout: 4 * minutes }, async () => {
  const bucket = `b/${cloud.project}-firn`;
  cloud.stub.state.policies.delete(`storage ${bucket}`);
  const seen = await changesOf(() => status(command, cloud.terminal()));
  expect(seen.code).toBe(1);
  expect(seen.said).toContain("differs  function firn-registry: its settings are others");
  expect(seen.said).toMatch(/rights are granted/);
  expect(seen.lines).toEqual([]);
  const { lines } = await changesOf(() => deploy(command, cloud.terminal()));
  expect(lines.filter((line) => line.startsWith("storage PUT"))).toHaveLength(3);
  expect(lines.filter((line) => line.startsWith("cloudfunctions PATCH"))).toHaveLength(5);
  expect(lines).toHaveLength(8);
});

it(
  "a deployment is taken down only by who means it, and its data stays",
  { timeout: 6 * minutes },
  async () => {
    const refused = await changesOf(() => destroy(command, cloud.terminal()));
    expect(refused).toMatchObject({ code: 1, lines: [] });
    const { code, said } = await changesOf(() => destroy([...command, "--yes"], cloud.terminal()));
    expect(code).toBe(0);
    expect(said).toContain(
      `what stays: APIs of Google, database (default), bucket ${cloud.project}-firn`,
    );
    const left = [...cloud.stub.state.resources].filter(
      ([key]) => !/^firestore |\/roles\//.test(key),
    );
    expect(left.map(([key]) => key)).toEqual([
      `storage b/${cloud.project}-firn`,
      "cloudbuild build-1",
    ]);
    const policies = [...cloud.stub.state.policies.values()].flatMap(
      ({ bindings = [] }) => bindings,
    );
    expect(policies).toEqual([]);
    const again = await changesOf(() => destroy([...command, "--yes"], cloud.terminal()));
    expect(again).toMatchObject({ code: 0, lines: [] });
    expect(again.said).toContain("there is nothing to remove");
  },
);

it(
  "what is made again after that begins with what was kept, and with the roles that Google keeps",
  { timeout: 4 * minutes },
  async () => {
    const { said } = await changesOf(() => deploy([...command, "--plan"], cloud.terminal()));
    expect(said).toContain("gcloud iam roles undelete firn_blobReader");
    expect(said).not.toContain("create bucket");
    const { code } = await changesOf(() =>
      destroy([...command, "--yes", "--data"], cloud.terminal()),
    );
    expect(code).toBe(0);
    expect(
      [...cloud.stub.state.resources.keys()].filter((key) => /^(?:firestore|storage) /.test(key)),
    ).toEqual([]);
  },
);
