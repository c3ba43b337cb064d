import { join } from "node:path";
import { stagingPrefix } from "../../core/google/blob-object.ts";
import type { DeploymentSettings } from "./deployment-settings.ts";
import { lastPart, listIn, textAt } from "./json.ts";
import { emailOf, imageName, type Place } from "./place.ts";
import { gcloud, type Command, type Part } from "./resource.ts";

const root = join(import.meta.dirname, "../..");
const buildFile = join(import.meta.dirname, "worker-build.yaml");

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
