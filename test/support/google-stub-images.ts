import {
  below,
  bodyOf,
  create,
  done,
  find,
  listed,
  locationOf,
  remove,
  route,
  shown,
  Refused,
  type Call,
  type Route,
} from "./google-stub-state.ts";

/** What runs is made from: Artifact Registry, and Cloud Build, which puts images into it. */
export const imageRoutes: readonly Route[] = [
  listed(
    "artifactregistry",
    /^\/v1\/(projects\/[^/]+\/locations\/[^/]+\/repositories)$/,
    "repositories",
  ),
  route(
    "artifactregistry",
    "POST",
    /^\/v1\/(projects\/[^/]+\/locations\/[^/]+\/repositories)$/,
    (call) => {
      const name = `${call.parts[0]}/${call.asked.query.get("repositoryId")}`;
      return done(
        `${locationOf(name)}/operations/r`,
        create(call, "artifactregistry", name, { ...bodyOf(call), name }),
      );
    },
  ),
  shown("artifactregistry", /^\/v1\/(projects\/[^/]+\/locations\/[^/]+\/repositories\/[^/]+)$/),
  route(
    "artifactregistry",
    "DELETE",
    /^\/v1\/(projects\/[^/]+\/locations\/[^/]+\/repositories\/[^/]+)$/,
    (call) => {
      remove(call, "artifactregistry", call.parts[0] ?? "");
      return done(`${locationOf(call.parts[0] ?? "")}/operations/r`, {});
    },
  ),
  route(
    "artifactregistry",
    "GET",
    /^\/v1\/((projects\/[^/]+\/locations\/[^/]+\/repositories\/[^/]+)\/packages\/[^/]+\/tags)$/,
    (call) => {
      const [tags = "", repository = ""] = call.parts;
      find(call, "artifactregistry", repository);
      return { tags: below(call, "artifactregistry", tags) };
    },
  ),

  // A build makes the image it was asked for at once.
  route("cloudbuild", "POST", /^\/v1\/projects\/[^/]+\/locations\/([^/]+)\/builds$/, (call) => {
    const body = bodyOf(call);
    const { _IMAGE = "" } = body["substitutions"] as Readonly<Record<string, string>>;
    for (const image of (body["images"] as readonly string[] | undefined) ?? []) {
      addImage(call, image.replace("${_IMAGE}", _IMAGE)); // as Cloud Build puts it in
    }
    const build = {
      ...body,
      id: "build-1",
      status: "SUCCESS",
      logUrl: "",
      createTime: "2026-11-24T00:00:00Z",
      projectId: call.state.project,
    };
    call.state.resources.set("cloudbuild build-1", build);
    return done(`operations/build/${call.state.project}/1`, build, {
      build,
      "@type": "type.googleapis.com/google.devtools.cloudbuild.v1.BuildOperationMetadata",
    });
  }),
  shown("cloudbuild", /^\/v1\/projects\/[^/]+\/locations\/[^/]+\/builds\/([^/]+)$/),
];

/** Puts an image into the repository that its name says: `<region>-docker.pkg.dev/<project>/<repository>/<package>:<tag>`. */
function addImage(call: Call, image: string): void {
  const parsed = /^(.+)-docker\.pkg\.dev\/([^/]+)\/([^/]+)\/([^:]+):(.+)$/.exec(image);
  if (parsed === null)
    throw new Refused(400, "INVALID_ARGUMENT", `${image} is not in the registry`);
  const [, region = "", project = "", repository = "", name = "", tag = ""] = parsed;
  const parent = `projects/${project}/locations/${region}/repositories/${repository}`;
  find(call, "artifactregistry", parent);
  const path = `${parent}/packages/${name}`;
  const version = `${path}/versions/sha256:${tag.padEnd(64, "0")}`;
  call.state.resources.set(`artifactregistry ${path}/tags/${tag}`, {
    name: `${path}/tags/${tag}`,
    version,
  });
}
