import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deploymentSettings } from "../../infra/google/deployment-settings.ts";
import { functionsSettings, localSettings, workerSettings } from "../../core/settings.ts";

const path = join(import.meta.dirname, "../../README.md");
const begin = "<!-- settings: written by `npm run readme` -->";
const end = "<!-- end of settings -->";

export function readme(): string {
  return readFileSync(path, "utf8");
}

/** The README with the table of settings as the code has them. */
export function freshReadme(): string {
  const text = readme();
  const [before, rest] = text.split(begin);
  const [, after] = rest?.split(end) ?? [];
  if (before === undefined || after === undefined) throw new Error(`README.md lacks ${begin}`);
  return `${before}${begin}\n\n${settingsTable()}\n\n${end}${after}`;
}

interface Described {
  readonly variable: string;
  readonly default: string;
  readonly meaning: string;
}

function settingsTable(): string {
  const local = Object.values(localSettings);
  const isLocal = (setting: Described) =>
    local.some((each) => each.variable === setting.variable && each.default === setting.default);
  // What programs of the deployment have in common with `npm start` is said once.
  const others = [...Object.values(functionsSettings), ...Object.values(workerSettings)];
  const unique = new Map(others.map((setting) => [setting.variable, setting]));
  const cloud = [...unique.values()].filter((setting) => !isLocal(setting));
  const inFunctions = new Set(Object.values(functionsSettings).map(({ variable }) => variable));
  const inWorker = new Set(Object.values(workerSettings).map(({ variable }) => variable));
  const whose = (variable: string) => {
    if (!inWorker.has(variable)) return "functions";
    return inFunctions.has(variable) ? "both" : "worker";
  };
  return [
    "Of `npm start`; functions and worker have those of them that mean something there:",
    "",
    "| variable | default | meaning |",
    "| --- | --- | --- |",
    ...local.map((setting) => `| ${cells(setting)} |`),
    "",
    "Of functions and worker on Google Cloud; the two have to agree on what both have:",
    "",
    "| variable | default | meaning | of |",
    "| --- | --- | --- | --- |",
    ...cloud.map((setting) => `| ${cells(setting)} | ${whose(setting.variable)} |`),
    "",
    "Of the deployment alone, in its settings file:",
    "",
    "| variable | default | meaning |",
    "| --- | --- | --- |",
    ...Object.values(deploymentSettings).map((setting) => `| ${cells(setting)} |`),
  ].join("\n");
}

function cells({ variable, default: fallback, meaning }: Described): string {
  return `\`${variable}\` | ${fallback === "" ? "" : `\`${fallback}\``} | ${meaning}`;
}

if (import.meta.main) writeFileSync(path, freshReadme());
