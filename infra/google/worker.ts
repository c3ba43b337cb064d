import { join } from "node:path";
import { stagingPrefix } from "../../core/google/blob-object.ts";
import type { DeploymentSettings } from "./deployment-settings.ts";
import { environmentFlag, hashOf } from "./environment-flag.ts";
import { at, lastPart, listIn, textAt } from "./json.ts";
import { addressOf, emailOf, imageName, type Place } from "./place.ts";
import { gcloud, notWanted, type Command, type Part, type Resource } from "./resource.ts";

const root = join(import.meta.dirname, "../..");
const buildFile = join(import.meta.dirname, "worker-build.yaml");

export function workerName({ prefix }: Place): string {
  return `${prefix}-worker`;
}

/** The repository for the worker's image, and the image, whose tag is that of what it is made from. */
export function imagePart(place: Place, { imageBuild }: DeploymentSettings, source: string): Part {
  const { region, prefix: repository } = place;
  const location = `--location=${region}`;
  const is = { kind: "repository", name: repository };
  return {
    resources: [
      {
        ...is,
        why: "the worker's image is kept there",
        wanted: { format: "DOCKER" },
        create: [
          gcloud(
            "artifacts repositories create",
            repository,
            "--repository-format=docker",
            location,
          ),
        ],
        remove: [gcloud("artifacts repositories delete", repository, location)],
        fixed: { format: "another kind of packages is in it: choose another name by FIRN_TOPICS" },
      },
      {
        kind: "image",
        name: `worker:${source}`,
        why: "the worker runs it",
        wanted: {},
        create: imageBuild === "cloud" ? builtThere(place, source) : builtHere(place, source),
        remove: [],
        within: is,
      },
    ],
    readings: [
      {
        args: ["artifacts", "repositories", "list", location],
        api: "artifactregistry.googleapis.com",
        read: (answer) =>
          listIn(answer).map((each) => ({
            kind: "repository",
            name: lastPart(textAt(each, "name")),
            live: { format: textAt(each, "format") },
          })),
      },
      {
        args: [
          "artifacts",
          "tags",
          "list",
          "--package=worker",
          `--repository=${repository}`,
          location,
        ],
        api: "artifactregistry.googleapis.com",
        of: is,
        read: (answer) =>
          listIn(answer).map((each) => ({
            kind: "image",
            name: `worker:${lastPart(textAt(each, "name"))}`,
            live: {},
          })),
      },
    ],
  };
}

function builtThere(place: Place, source: string): readonly Command[] {
  const account = `projects/${place.project}/serviceAccounts/${emailOf(place, "build")}`;
  return [
    gcloud(
      "builds submit",
      root,
      `--config=${buildFile}`,
      `--region=${place.region}`,
      `--substitutions=_IMAGE=${imageName(place)}:${source}`,
      // Sources are staged like uploads, and go with them.
      `--gcs-source-staging-dir=gs://${place.bucket}/${stagingPrefix}source`,
      `--service-account=${account}`,
      "--suppress-logs",
    ),
  ];
}

function builtHere(place: Place, source: string): readonly Command[] {
  const tag = `${imageName(place)}:${source}`;
  return [
    gcloud("auth configure-docker", `${place.region}-docker.pkg.dev`),
    {
      program: "docker",
      args: [
        "build",
        "--platform=linux/amd64",
        "--file",
        join(root, "worker/Dockerfile"),
        "--tag",
        tag,
        root,
      ],
    },
    { program: "docker", args: ["push", tag] },
  ];
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
