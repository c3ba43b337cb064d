import type { DeploymentSettings } from "./deployment-settings.ts";
import { environmentFlag, hashOf } from "./environment-flag.ts";
import { at, listIn, textAt } from "./json.ts";
import { addressOf, emailOf, imageName, type Place } from "./place.ts";
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
  const { workerCpu: cpu, workerMemory: memory, workerMin, workerMax, slots } = settings;
  const image = `${imageName(place)}:${source}`;
  const common = [
    `--image=${image}`,
    region,
    `--cpu=${cpu}`,
    `--memory=${memory}`,
    `--service-account=${emailOf(place, "worker")}`,
    environmentFlag(environment),
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
      serviceAccount: emailOf(place, "worker"),
      ...shape,
      environment,
      settings: hash,
      ready: true,
    },
    create: [
      gcloud(
        `${group} deploy`,
        name,
        ...flags,
        `--${worker === "pool" ? "labels" : "update-labels"}=firn-settings=${hash}`,
      ),
    ],
    remove: [gcloud(`${services} delete`, name, region)],
  };
}

function workerEnvironment(place: Place, settings: DeploymentSettings, worker: "service" | "pool") {
  const { project, bucket, database, prefix } = place;
  return {
    FIRN_PROJECT: project,
    FIRN_BUCKET: bucket,
    FIRN_DATABASE: database,
    FIRN_TOPICS: prefix,
    ...settings.workerEnv,
    ...(worker === "pool"
      ? { FIRN_JOBS: "pull" }
      : {
          FIRN_JOBS: "push",
          FIRN_PUSH_ACCOUNT: emailOf(place, "push"),
          FIRN_PUSH_AUDIENCE: addressOf(place, workerName(place)),
        }),
  };
}
