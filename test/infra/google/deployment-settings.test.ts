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
  // Patterns are functions, which are no two times the same.
  expect(JSON.stringify(parseDeploymentSettings(json, project))).toBe(JSON.stringify(settings));
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

it("a setting that names a file names a secret, and a program is told of those that it knows alone", () => {
  const text = "FIRN_USERS=secret:firn-users\nFIRN_TOKEN_KEYS=secret:keys:3\nFIRN_TOKENS=";
  const { functionsEnv, functionsSecrets, workerSecrets } = parseDeploymentSettings(text, project);
  expect(functionsSecrets).toEqual({
    FIRN_USERS: { name: "firn-users", version: "latest" },
    FIRN_TOKEN_KEYS: { name: "keys", version: "3" },
  });
  expect(functionsEnv).toEqual({});
  expect(workerSecrets).toEqual({});
});

it("a path is refused with the command that makes a secret of it, and what to write then", () => {
  const text = "FIRN_USERS=/etc/firn/users\nFIRN_BLOCKED=secret:firn/blocked";
  expect(() => parseDeploymentSettings(text, project)).toThrow(
    `The settings are wrong.
FIRN_USERS: "/etc/firn/users" is a file that would not be there: make a secret of it, gcloud secrets create firn-users --project=my-project --replication-policy=automatic --data-file=/etc/firn/users, and write FIRN_USERS=secret:firn-users
FIRN_BLOCKED: "secret:firn/blocked" is not secret:<name> or secret:<name>:<version>, such as secret:firn-blocked or secret:firn-blocked:3`,
  );
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
  [
    "FIRN_ACCESS=user:*=build\nFIRN_USERS=secret:users",
    "FIRN_ACCESS names accounts: FIRN_TOKEN_KEYS has to be a secret, openssl rand",
  ],
  ["FIRN_TOKENS=secret:tokens:0", '"secret:tokens:0" is not secret:<name> or secret:<name>:<ver'],
  ["FIRN_TOKENS=secret:tokens:newest", '"secret:tokens:newest" is not secret:<name>'],
  ["FIRN_ALERT_CHANNELS=me@example.com", '"me@example.com" is not a channel such as projects/'],
  ["FIRN_WORKER_MEMORY=16GB", '"16GB" is not a size such as 512Mi or 16Gi'],
])("%s is refused", (text, message) => {
  expect(() => parseDeploymentSettings(text, project)).toThrow(message);
});
