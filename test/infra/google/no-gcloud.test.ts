import { expect, it } from "vitest";
import { deploy } from "../../../infra/google/deploy-program.ts";
import { destroy } from "../../../infra/google/destroy-program.ts";
import { Usage, type Terminal } from "../../../infra/google/program.ts";

const command = ["--project", "my-project", "--region", "europe-west1"];

function withoutGcloud(said: string[]): Terminal {
  return {
    say: (line) => void said.push(line),
    ask: async () => "my-project",
    environment: { PATH: "/nowhere" },
    signal: new AbortController().signal,
    bundle: async () => undefined,
  };
}

it("without gcloud nothing is done, and it is said where to get it", async () => {
  const expected = "gcloud is not installed: see https://cloud.google.com/sdk/docs/install";
  await expect(deploy(command, withoutGcloud([]))).rejects.toThrow(expected);
  await expect(destroy(command, withoutGcloud([]))).rejects.toThrow(expected);
});

it("where nothing can be seen a plan is made against nothing, and says so", async () => {
  const said: string[] = [];
  expect(await deploy([...command, "--plan"], withoutGcloud(said))).toBe(0);
  expect(said[1]).toMatch(
    /^could not look at all of it:\n {2}gcloud services list --enabled: gcloud is not/,
  );
  expect(said[2]).toBe("the plan is for what could be seen: some of it may be there already");
  expect(said).toContain(
    "9. create service account firn-registry@my-project.iam.gserviceaccount.com: answers pulls",
  );
});

it.each([
  [[], "--project and --region has to be given"],
  [
    ["--project", "My_Project", "--region", "europe-west1"],
    '"My_Project" is not the id of a project',
  ],
  [
    ["--project", "my-project", "--region", "europe"],
    '"europe" is not a region such as europe-west1',
  ],
  [[...command, "--force"], "Unknown option '--force'"],
])("%j is refused with what to write", async (args, message) => {
  const refused = deploy(args, withoutGcloud([]));
  await expect(refused).rejects.toThrow(Usage);
  await expect(refused).rejects.toThrow(message);
});
