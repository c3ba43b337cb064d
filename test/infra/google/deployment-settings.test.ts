import { expect, it } from "vitest";
import { parseDeploymentSettings } from "../../../infra/google/deployment-settings.ts";

const project = "my-project";

it("a settings file is lines of NAME=value, or a JSON object, and says the same in both", () => {
  const lines = `
    # of the images
    FIRN_LAYERS=40
    export FIRN_PACKAGE_SET="nixpkgs:nixos-25.11"
    FIRN_WORKER='pool'
  `;
  const json =
    '{"FIRN_LAYERS": 40, "FIRN_PACKAGE_SET": "nixpkgs:nixos-25.11", "FIRN_WORKER": "pool"}';
  const settings = parseDeploymentSettings(lines, project);
  expect(parseDeploymentSettings(json, project)).toEqual(settings);
  expect(settings).toMatchObject({ layers: 40, worker: "pool", bucket: "my-project-firn" });
});

it("functions and worker are told what the file says and they know, and no more", () => {
  const text = "FIRN_HOLD_SECONDS=20\nFIRN_BUILDS=3\nFIRN_LAYERS=40\nFIRN_WORKER_CPU=8";
  const { functionsEnv, workerEnv, slots } = parseDeploymentSettings(text, project);
  expect(functionsEnv).toEqual({ FIRN_HOLD_SECONDS: "20", FIRN_LAYERS: "40" });
  expect(workerEnv).toEqual({ FIRN_BUILDS: "3", FIRN_LAYERS: "40" });
  // Three builds, one prebuild, and two look-ups.
  expect(slots).toBe(6);
});

it("whatever is wrong with a settings file is said at once", () => {
  const text = "FIRN_LAYERS=many\nFIRN_LAYRES=40\nLAYERS=40\nFIRN_JOBS=push\nFIRN_WORKER=lambda";
  expect(() => parseDeploymentSettings(text, project)).toThrow(
    `The settings are wrong.
LAYERS: there is no such setting
FIRN_JOBS: the deployment decides it
FIRN_LAYERS: "many" is not a whole number from 2 to 125
FIRN_WORKER: "lambda" is none of service, pool
FIRN_LAYRES: there is no such setting`,
  );
});

it.each([
  ["FIRN_LAYERS 40", 'line 1: "FIRN_LAYERS 40" is not NAME=value'],
  ['{"FIRN_LAYERS": [40]}', "FIRN_LAYERS: [40] is no text, number or boolean"],
  ['{"FIRN_LAYERS"', "the settings are no JSON"],
  ["FIRN_TOPICS=Firn_Registry", 'FIRN_TOPICS: "Firn_Registry" is not a name'],
  ["FIRN_ALERT_CHANNELS=me@example.com", '"me@example.com" is not a channel such as projects/'],
  ["FIRN_WORKER_MEMORY=16GB", '"16GB" is not a size such as 512Mi or 16Gi'],
])("%s is refused", (text, message) => {
  expect(() => parseDeploymentSettings(text, project)).toThrow(message);
});
