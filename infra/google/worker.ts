import type { DeploymentSettings } from "./deployment-settings.ts";
import { environmentFlag, hashOf } from "./environment-flag.ts";
import { at, listIn, textAt } from "./json.ts";
import { addressOf, emailOf, imageName, type Place } from "./place.ts";
import {
  forgetting,
  mounting,
  secretFlags,
  secretVolumeFlags,
  unmountFlags,
  unmountVolumeFlags,
} from "./secret-flags.ts";
import { mountsOf, pathsOf } from "./secrets.ts";
import { gcloud, notWanted, type Part, type Resource } from "./resource.ts";

export function workerName({ prefix }: Place): string {
  return `${prefix}-worker`;
}

/** The worker: a service that Pub/Sub pushes to, or a pool that takes jobs. The other one is removed. */
export function workerPart(place: Place, settings: DeploymentSettings, source: string): Part {
  const region = `--region=${place.region}`;
  const service = workerResource(place, settings, source, "service");
  const pool = workerResource(place, settings, source, "pool");
  const list = (kind: string) => (answer: unknown) =>
    listIn(answer).map((each) => {
      const ready = listIn(at(each, "status", "conditions")).find(
        (condition) => condition["type"] === "Ready",
      );
      return {
        kind,
        name: textAt(each, "metadata", "name"),
        live: {
          settings: textAt(each, "metadata", "labels", "firn-settings"),
          ready: textAt(ready, "status") === "True",
          ...mounting(secretsIn(each)),
        },
      };
    });
  return {
    resources: [
      settings.worker === "service" ? service : notWanted(service),
      settings.worker === "pool" ? pool : notWanted(pool),
    ],
    readings: [
      {
        args: ["run", "services", "list", region],
        api: "run.googleapis.com",
        read: list("service"),
      },
      {
        args: ["beta", "run", "worker-pools", "list", region],
        api: "run.googleapis.com",
        read: list("worker pool"),
      },
    ],
  };
}

function workerResource(
  place: Place,
  settings: DeploymentSettings,
  source: string,
  worker: "service" | "pool",
): Resource {
  const name = workerName(place);
  const region = `--region=${place.region}`;
  const environment = workerEnvironment(place, settings, worker);
  const { workerSecrets: secrets } = settings;
  const email = emailOf(place, "worker");
  const { workerCpu: cpu, workerMemory: memory, workerMin, workerMax, slots } = settings;
  const image = `${imageName(place)}:${source}`;
  const mountFlags = worker === "pool" ? secretVolumeFlags(secrets) : secretFlags(secrets);
  const common = [
    `--image=${image}`,
    region,
    `--cpu=${cpu}`,
    `--memory=${memory}`,
    `--service-account=${email}`,
    environmentFlag(environment),
    ...mountFlags,
  ];
  const instances = Math.max(1, workerMin);
  const flags =
    worker === "pool"
      ? [...common, `--scaling=${instances}`]
      : [
          ...common,
          // Pub/Sub alone may call it: see the table of access.
          "--no-allow-unauthenticated",
          `--concurrency=${slots}`,
          "--timeout=600",
          "--no-cpu-throttling",
          "--execution-environment=gen2",
          `--min-instances=${workerMin}`,
          `--max-instances=${workerMax}`,
        ];
  const shape =
    worker === "pool"
      ? { instances }
      : {
          concurrency: slots,
          timeoutSeconds: 600,
          minInstances: workerMin,
          maxInstances: workerMax,
          cpuIdle: false,
          executionEnvironment: "EXECUTION_ENVIRONMENT_GEN2",
        };
  const hash = hashOf(flags);
  const group = worker === "pool" ? "beta run worker-pools" : "run";
  const services = worker === "pool" ? group : "run services";
  const labels = `--${worker === "pool" ? "labels" : "update-labels"}=firn-settings=${hash}`;
  const isAlpha = worker === "pool" && mountFlags.length > 0;
  const deployWith = (...more: readonly string[]) =>
    gcloud(
      `${isAlpha ? group.replace("beta", "alpha") : group} deploy`,
      name,
      ...flags,
      ...more,
      labels,
    );
  return {
    kind: worker === "pool" ? "worker pool" : "service",
    name,
    why:
      worker === "pool"
        ? "it takes jobs and builds images"
        : "it builds images, and costs nothing meanwhile",
    wanted: {
      image,
      cpu,
      memory,
      serviceAccount: email,
      ...shape,
      environment,
      secrets: mountsOf(secrets),
      settings: hash,
      ready: true,
    },
    create: [deployWith()],
    update: (live) => [
      deployWith(...(worker === "pool" ? unmountVolumeFlags(live) : unmountFlags(secrets, live))),
      ...forgetting(secrets, live, email),
    ],
    remove: (live) => [
      ...forgetting(secrets, live, email),
      gcloud(`${services} delete`, name, region),
    ],
  };
}

/** The names of secrets in the volumes of a service or a pool, as Cloud Run describes it. */
function secretsIn(running: unknown): readonly string[] {
  const volumes = listIn(at(running, "spec", "template", "spec", "volumes"));
  return volumes.map((each) => textAt(each, "secret", "secretName")).filter((name) => name !== "");
}

function workerEnvironment(place: Place, settings: DeploymentSettings, worker: "service" | "pool") {
  const { project, bucket, database, prefix } = place;
  return {
    FIRN_PROJECT: project,
    FIRN_BUCKET: bucket,
    FIRN_DATABASE: database,
    FIRN_TOPICS: prefix,
    ...settings.workerEnv,
    ...pathsOf(settings.workerSecrets),
    ...(worker === "pool"
      ? { FIRN_JOBS: "pull" }
      : {
          FIRN_JOBS: "push",
          FIRN_PUSH_ACCOUNT: emailOf(place, "push"),
          FIRN_PUSH_AUDIENCE: addressOf(place, workerName(place)),
        }),
  };
}
