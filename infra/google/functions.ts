import type { topicNames } from "../../core/google/topics.ts";
import { bundleEnvironment } from "./bundle-environment.ts";
import { environmentFlag, hashOf } from "./environment-flag.ts";
import type { DeploymentSettings } from "./deployment-settings.ts";
import { at, lastPart, listIn, textAt } from "./json.ts";
import { emailOf, type Account, type Place } from "./place.ts";
import { forgetting, mounting, secretFlags, unmountFlags } from "./secret-flags.ts";
import { mountsOf, pathsOf, type Secrets } from "./secrets.ts";
import { gcloud, type Command, type Part, type Properties, type Resource } from "./resource.ts";

interface EventFunction {
  /** What functions/index.ts calls it. */
  readonly target: string;
  /** A message there calls it. */
  readonly topic: Exclude<keyof ReturnType<typeof topicNames>, "jobs" | "prebuildJobs" | "pins">;
  /** When the clock publishes there, as cron has it. */
  readonly schedule?: string;
}

/** The functions that messages call. */
export const eventFunctions: readonly EventFunction[] = [
  { target: "prebuild", topic: "prebuilds" },
  { target: "maintenance", topic: "maintenance", schedule: "* * * * *" },
  { target: "retention", topic: "retention", schedule: "17 3 * * *" },
  { target: "burial", topic: "dead" },
];

/** The folder that `bundle` makes and functions are deployed from; the driver puts a real one in its place. */
export const bundleFolder = "<bundle>";

export function functionName({ prefix }: Place, target: string): string {
  return `${prefix}-${target}`;
}

interface Shape {
  readonly target: string;
  readonly account: Account;
  readonly why: string;
  readonly concurrency: number;
  readonly seconds: number;
  readonly least: number;
  readonly most: number;
  readonly secrets: Secrets;
}

// Less than Pub/Sub waits for the answer to a push.
const eventSeconds = 540;

/** The functions, and the settings that they are deployed with. */
export function functionsPart(place: Place, settings: DeploymentSettings, source: string): Part {
  const registry: Shape = {
    target: "registry",
    account: "registry",
    why: "it answers pulls",
    // Pulls wait for builds, and cost nothing meanwhile.
    concurrency: 1000,
    seconds: 3600,
    least: settings.registryMin,
    most: settings.registryMax,
    // All of these are about who pulls, of whom the others know nothing.
    secrets: settings.functionsSecrets,
  };
  const events = eventFunctions.map(({ target, topic }): Shape => {
    const why = `it is called by messages on ${place.prefix}'s topic of ${topic}`;
    const [account, seconds, secrets] = ["events", eventSeconds, {}] as const;
    return { target, account, why, concurrency: 10, seconds, least: 0, most: 2, secrets };
  });
  return {
    resources: [registry, ...events].map((shape) =>
      functionResource(place, settings, source, shape),
    ),
    readings: [
      {
        args: ["functions", "list", "--v2", `--regions=${place.region}`],
        api: "cloudfunctions.googleapis.com",
        read: (answer) =>
          listIn(answer).map((each) => ({
            kind: "function",
            name: lastPart(textAt(each, "name")),
            live: {
              settings: textAt(each, "labels", "firn-settings"),
              source: textAt(each, "labels", "firn-source"),
              state: textAt(each, "state"),
              ...mounting(
                listIn(at(each, "serviceConfig", "secretVolumes")).map((volume) =>
                  textAt(volume, "secret"),
                ),
              ),
            },
          })),
      },
    ],
  };
}

function functionResource(
  place: Place,
  settings: DeploymentSettings,
  source: string,
  shape: Shape,
): Resource {
  const name = functionName(place, shape.target);
  const { secrets } = shape;
  const environment = functionsEnvironment(place, settings, secrets);
  const email = emailOf(place, shape.account);
  const buildServiceAccount = `projects/${place.project}/serviceAccounts/${emailOf(place, "build")}`;
  const flags = [
    "--gen2",
    `--region=${place.region}`,
    "--runtime=nodejs24",
    `--entry-point=${shape.target}`,
    "--trigger-http",
    "--memory=512Mi",
    "--cpu=1",
    `--concurrency=${shape.concurrency}`,
    `--timeout=${shape.seconds}s`,
    `--min-instances=${shape.least}`,
    `--max-instances=${shape.most}`,
    `--service-account=${email}`,
    `--build-service-account=${buildServiceAccount}`,
    environmentFlag(environment),
    ...secretFlags(secrets),
  ];
  const properties = {
    runtime: "nodejs24",
    entryPoint: shape.target,
    memory: "512Mi",
    cpu: 1,
    concurrency: shape.concurrency,
    timeoutSeconds: shape.seconds,
    minInstances: shape.least,
    maxInstances: shape.most,
    serviceAccount: email,
    buildServiceAccount,
    environment,
    secrets: mountsOf(secrets),
  } satisfies Properties;
  const wanted = { ...properties, settings: hashOf(flags), source, state: "ACTIVE" };
  const labels = `--update-labels=firn-settings=${wanted.settings},firn-source=${source}`;
  const deployWith = (...more: readonly string[]): readonly Command[] => [
    { program: "bundle", args: [bundleFolder] },
    gcloud("functions deploy", name, `--source=${bundleFolder}`, ...flags, ...more, labels),
  ];
  return {
    kind: "function",
    name,
    why: shape.why,
    wanted,
    // Who may call it is in the table of access: nobody, to begin with. Said again, it would take that right away.
    create: deployWith("--no-allow-unauthenticated"),
    update: (live) => [
      ...deployWith(...unmountFlags(secrets, live)),
      ...forgetting(secrets, live, email),
    ],
    remove: (live) => [
      ...forgetting(secrets, live, email),
      gcloud("functions delete", name, "--gen2", `--region=${place.region}`),
    ],
  };
}

function functionsEnvironment(
  { project, bucket, database, prefix }: Place,
  settings: DeploymentSettings,
  secrets: Secrets,
) {
  return {
    FIRN_PROJECT: project,
    FIRN_BUCKET: bucket,
    FIRN_DATABASE: database,
    FIRN_TOPICS: prefix,
    ...settings.functionsEnv,
    ...pathsOf(secrets),
    ...bundleEnvironment,
  };
}

/** The address of the registry, as Cloud Functions says it; undefined while there is none. */
export function registryAddress(place: Place, answer: unknown): string | undefined {
  const name = functionName(place, "registry");
  const found = listIn(answer).find((each) => lastPart(textAt(each, "name")) === name);
  const address = at(found, "serviceConfig", "uri");
  return typeof address === "string" ? address : undefined;
}
