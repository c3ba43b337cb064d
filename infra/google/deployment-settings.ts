import { messageOf } from "../../core/log.ts";
import {
  optional,
  oneOf,
  readSettings,
  setting,
  some,
  whole,
  type Setting,
  type Settings,
} from "../../core/setting.ts";
import { functionsSettings, workerSettings } from "../../core/settings.ts";
import { parseSecret, type Secret, type Secrets } from "./secrets.ts";

/** What the deployment alone is told, in the same file as the settings of functions and worker. */
export const deploymentSettings = {
  worker: setting(
    "FIRN_WORKER",
    "`service`: scales to zero, and a build may take nine minutes; `pool`: is always there, and one may take as long as FIRN_BUILD_MINUTES",
    "service",
    oneOf("service", "pool"),
  ),
  workerCpu: setting("FIRN_WORKER_CPU", "CPUs of a worker", "4", whole(1, 8)),
  workerMemory: setting("FIRN_WORKER_MEMORY", "memory of a worker", "16Gi", size),
  workerMin: setting(
    "FIRN_WORKER_MIN",
    "workers there are at the least; of a pool, exactly, and one at the least",
    "0",
    whole(0, 100),
  ),
  workerMax: setting(
    "FIRN_WORKER_MAX",
    "workers there are at the most, of a service",
    "10",
    whole(1, 100),
  ),
  registryMin: setting(
    "FIRN_REGISTRY_MIN",
    "instances of the registry at the least",
    "1",
    whole(0, 100),
  ),
  registryMax: setting(
    "FIRN_REGISTRY_MAX",
    "instances of the registry at the most",
    "20",
    whole(1, 1000),
  ),
  imageBuild: setting(
    "FIRN_IMAGE_BUILD",
    "where the worker's image is built: `cloud`, by Cloud Build, or `docker`, on this machine",
    "cloud",
    oneOf("cloud", "docker"),
  ),
  firstImage: setting(
    "FIRN_FIRST_IMAGE",
    "image that is pulled to see that all works",
    "hello",
    some,
  ),
  location: setting(
    "FIRN_LOCATION",
    "location of bucket and database, where it is not the region",
    "",
    optional,
  ),
  alertChannels: setting(
    "FIRN_ALERT_CHANNELS",
    "who is told of alerts: names such as `projects/my-project/notificationChannels/1`, separated by commas; without one, alerts show only in the console",
    "",
    channels,
  ),
  runbook: setting(
    "FIRN_RUNBOOK",
    "where whoever is told of an alert finds the runbook",
    "infra/google/RUNBOOK.md",
    some,
  ),
} as const;

// Decided by the deployment, or by nobody but an emulator.
const decided = [
  "FIRN_PROJECT",
  "FIRN_JOBS",
  "FIRN_PUSH_AUDIENCE",
  "FIRN_PUSH_ACCOUNT",
  "FIRN_PORT",
  "FIRN_STORAGE_ENDPOINT",
] as const;

type Text = Readonly<Record<string, string>>;

export interface DeploymentSettings extends Settings<typeof deploymentSettings> {
  readonly topics: string;
  readonly bucket: string;
  readonly database: string;
  readonly worker: "service" | "pool";
  readonly slots: number;
  /** What the file says, of those that functions and worker know and that are no files. */
  readonly functionsEnv: Text;
  readonly workerEnv: Text;
  /** Those that are files. */
  readonly functionsSecrets: Secrets;
  readonly workerSecrets: Secrets;
  readonly packageSet: Settings<typeof functionsSettings>["packageSet"];
  readonly nixpkgsRepository: string;
  readonly nixpkgsTarball: string;
}

/**
 * Reads what a deployment's settings file says: lines of `NAME=value`, or a JSON object. Throws one Error that names
 * everything that is wrong with it.
 */
export function parseDeploymentSettings(text: string, project: string): DeploymentSettings {
  const given = text.trimStart().startsWith("{") ? parseJson(text) : parseLines(text);
  const all = { ...workerSettings, ...functionsSettings, ...deploymentSettings };
  const problems = Object.keys(given).flatMap((name) => {
    if (decided.some((each) => each === name)) return [`${name}: the deployment decides it`];
    return name.startsWith("FIRN_") ? [] : [`${name}: there is no such setting`];
  });
  const secrets = secretsIn(all, given, project, problems);
  const usual = { FIRN_BUCKET: `${project}-firn`, FIRN_PROJECT: project };
  const settings = gathering(problems, () => readSettings(all, { ...usual, ...given }));
  const { topics, builds, prebuilds } = settings;
  if (!/^[a-z][a-z0-9-]{0,16}[a-z0-9]$/.test(topics)) {
    throw wrong([`FIRN_TOPICS: "${topics}" is not a name of 2 to 18 letters, digits and hyphens`]);
  }
  const hasAccounts = settings.access.some(({ kind }) => kind !== "anonymous");
  if (hasAccounts && secrets["FIRN_TOKEN_KEYS"] === undefined) throw wrong([keysAdvice(project)]);
  const files = filesOf(all);
  const plain = Object.fromEntries(Object.entries(given).filter(([name]) => !files.includes(name)));
  return {
    ...settings,
    slots: builds + prebuilds + lookUpSlots,
    functionsEnv: knownTo(functionsSettings, plain),
    workerEnv: knownTo(workerSettings, plain),
    functionsSecrets: knownTo(functionsSettings, secrets),
    workerSecrets: knownTo(workerSettings, secrets),
  };
}

// The registry would not start without, which is seen at the end of a deploy alone.
function keysAdvice(project: string): string {
  return `FIRN_ACCESS names accounts: FIRN_TOKEN_KEYS has to be a secret, openssl rand -base64 48 | gcloud secrets create firn-token-keys --project=${project} --replication-policy=automatic --data-file=-, such as secret:firn-token-keys:1`;
}

// As many as the worker has for looking up where tags stand.
const lookUpSlots = 2;

function gathering<T>(problems: readonly string[], read: () => T): T {
  try {
    const value = read();
    if (problems.length === 0) return value;
  } catch (error) {
    const [, ...more] = error instanceof Error ? error.message.split("\n") : [];
    throw wrong([...problems, ...more.filter((line) => !problems.includes(line))]);
  }
  throw wrong(problems);
}

function wrong(problems: readonly string[]): Error {
  return new Error(`The settings are wrong.\n${problems.join("\n")}`);
}

type Known = Readonly<Record<string, Pick<Setting<unknown>, "variable" | "isFile">>>;

function filesOf(settings: Known): readonly string[] {
  return Object.values(settings).flatMap(({ variable, isFile }) =>
    isFile === true ? [variable] : [],
  );
}

/** The settings that are files: where a program is deployed, nobody can put one beside it. */
function secretsIn(settings: Known, given: Text, project: string, problems: string[]): Secrets {
  const entries = filesOf(settings).flatMap((variable): readonly (readonly [string, Secret])[] => {
    const text = given[variable] ?? "";
    if (text === "") return [];
    try {
      return [[variable, parseSecret(variable, text, project)]];
    } catch (error) {
      problems.push(`${variable}: ${messageOf(error)}`);
      return [];
    }
  });
  return Object.fromEntries(entries);
}

function knownTo<T>(
  settings: Known,
  given: Readonly<Record<string, T>>,
): Readonly<Record<string, T>> {
  const variables = new Set(Object.values(settings).map(({ variable }) => variable));
  return Object.fromEntries(Object.entries(given).filter(([name]) => variables.has(name)));
}

function parseJson(text: string): Text {
  let object: unknown;
  try {
    object = JSON.parse(text);
  } catch (error) {
    throw new Error(`the settings are no JSON: ${String(error)}`, { cause: error });
  }
  const entries = Object.entries(object as object).map(([name, value]: [string, unknown]) => {
    if (["string", "number", "boolean"].includes(typeof value))
      return [name, String(value)] as const;
    throw wrong([`${name}: ${JSON.stringify(value)} is no text, number or boolean`]);
  });
  return Object.fromEntries(entries);
}

function parseLines(text: string): Text {
  const problems: string[] = [];
  const entries = text.split("\n").flatMap((line, index) => {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) return [];
    const match = /^(?:export\s+)?([A-Z][A-Z0-9_]*)=(?:"([^"]*)"|'([^']*)'|(.*))$/.exec(trimmed);
    if (match === null) problems.push(`line ${index + 1}: "${trimmed}" is not NAME=value`);
    const [, name = "", double, single, bare] = match ?? [];
    return match === null ? [] : [[name, double ?? single ?? bare ?? ""] as const];
  });
  if (problems.length > 0) throw wrong(problems);
  return Object.fromEntries(entries);
}

function channels(text: string): readonly string[] {
  if (text === "") return [];
  return text.split(",").map((each) => {
    if (/^projects\/[^/]+\/notificationChannels\/\d+$/.test(each)) return each;
    throw new Error(
      `"${each}" is not a channel such as projects/my-project/notificationChannels/1: gcloud beta monitoring channels list shows yours`,
    );
  });
}

function size(text: string): string {
  if (/^[1-9]\d*(?:Mi|Gi)$/.test(text)) return text;
  throw new Error(`"${text}" is not a size such as 512Mi or 16Gi`);
}
