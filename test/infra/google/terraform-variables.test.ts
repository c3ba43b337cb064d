import { expect, it } from "vitest";
import { functionsSettings, workerSettings } from "../../../core/settings.ts";
import { deploymentSettings } from "../../../infra/google/deployment-settings.ts";
import {
  everySetting,
  folder,
  listed,
  planned,
  variableOf,
  type Given,
} from "../../support/terraform-deployment.ts";
import { text as textOf } from "../../support/terraform-values.ts";
import { readTerraform } from "../../support/terraform.ts";

const terraform = await readTerraform(folder);

// The deployment decides the first, as it does without Terraform; the last is how gcloud's way builds the image.
const decided = new Set([
  "FIRN_PROJECT",
  "FIRN_JOBS",
  "FIRN_PUSH_AUDIENCE",
  "FIRN_PUSH_ACCOUNT",
  "FIRN_PORT",
  "FIRN_STORAGE_ENDPOINT",
  "FIRN_IMAGE_BUILD",
]);
const all = { ...workerSettings, ...functionsSettings, ...deploymentSettings };
const settings = Object.values(all).filter(({ variable }) => !decided.has(variable));

it("every setting is a variable, and is tried", () => {
  const names = settings.map(({ variable }) => variable);
  expect(Object.keys(everySetting).sort()).toEqual([...names].sort());
  const own = ["project", "region", "worker_image", "functions_bundle", "delete_data"];
  const variables = [...own, ...names.map(variableOf)];
  expect(Object.keys(terraform.variables).sort()).toEqual(variables.sort());
});

it.each(settings)("$variable means the same to Terraform, and is the same by itself", (setting) => {
  const variable = terraform.variables[variableOf(setting.variable)];
  const fallback = variable?.["default"] ?? null;
  const left = setting.default === "" ? "" : ` (default: ${setting.default})`;
  const how = "; as `secret:<name>` or `secret:<name>:<version>` of Secret Manager";
  const meaning = "isFile" in setting ? `${setting.meaning}${how}` : setting.meaning;
  expect(variable?.["description"]).toBe(`${meaning}${fallback === null ? left : ""}`);
  expect(fallback === null ? setting.default : textOf(fallback)).toBe(setting.default);
});

it("every variable has a description and a plain type", () => {
  for (const { description, type } of Object.values(terraform.variables)) {
    expect(description).toMatch(/^\S.{9,}/);
    expect(type).toMatch(/^\$\{(?:string|number|bool)\}$/);
  }
});

const wrong: readonly Given[] = [
  { FIRN_WORKER: "both" },
  { FIRN_WORKER_CPU: "9" },
  { FIRN_WORKER_MEMORY: "16GB" },
  { FIRN_WORKER_MAX: "0" },
  { FIRN_REGISTRY_MAX: "1001" },
  { FIRN_TOPICS: "Snow" },
  { FIRN_TOPICS: "a-name-that-is-too-long" },
  { FIRN_PLATFORMS: "riscv64" },
  { FIRN_LAYERS: "126" },
  { FIRN_LAYERS: "1.5" },
  { FIRN_COMPRESSION: "brotli" },
  { FIRN_GROUPING: "none" },
  { FIRN_BUILDS: "0" },
  { FIRN_HOLD_SECONDS: "601" },
  { FIRN_LEASE_SECONDS: "3" },
  { FIRN_LOG_LEVEL: "loud" },
  { FIRN_USERS: "/etc/firn/users" },
  { FIRN_TOKENS: "secret:tokens:newest" },
  { FIRN_BLOCKED: "secret:to/kens" },
  { FIRN_ALERT_CHANNELS: "me@example.com" },
];

it.each(wrong)("what `npm run deploy` refuses, Terraform refuses: %o", (given) => {
  const [setting = ""] = Object.keys(given);
  expect(() => listed(given)).toThrow(setting);
  expect(() => planned(terraform, given)).toThrow(`${variableOf(setting)}: "It is`);
});

it("a worker's image without a tag is refused", () => {
  const values = {
    project: "my-project",
    region: "europe-west1",
    worker_image: "example.com/worker",
  };
  expect(() => terraform.plan(values, () => ({}))).toThrow('worker_image: "It is an image');
});
