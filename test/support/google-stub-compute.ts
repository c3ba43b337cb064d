import {
  below,
  bodyOf,
  change,
  create,
  done,
  find,
  policyOf,
  remove,
  route,
  setPolicy,
  Refused,
  type Body,
  type Call,
  type Policy,
  type Route,
} from "./google-stub-state.ts";

/** What runs, and what it is made from: Cloud Functions, Cloud Run, Cloud Build, and Artifact Registry. */
export const computeRoutes: readonly Route[] = [
  route(
    "cloudfunctions",
    "GET",
    /^\/v2\/(projects\/[^/]+\/locations\/[^/]+\/functions)$/,
    (call) => ({
      functions: below(call, "cloudfunctions", call.parts[0] ?? ""),
    }),
  ),
  route(
    "cloudfunctions",
    "GET",
    /^\/v2\/(projects\/[^/]+\/locations\/[^/]+\/functions\/[^/:]+)$/,
    (call) => find(call, "cloudfunctions", call.parts[0] ?? ""),
  ),
  route("cloudfunctions", "GET", /^\/v2\/projects\/[^/]+\/locations\/[^/]+\/runtimes$/, () => ({
    runtimes: [{ name: "nodejs24", environment: "GEN_2", stage: "GA" }],
  })),
  route(
    "cloudfunctions",
    "POST",
    /^\/v2\/projects\/[^/]+\/locations\/[^/]+\/functions:generateUploadUrl$/,
    () => ({
      uploadUrl: "http://storage.localhost/sources/functions.zip",
      storageSource: { bucket: "sources", object: "functions.zip" },
    }),
  ),
  route("storage", "PUT", /^\/sources\/functions\.zip$/, () => ({})),
  route(
    "cloudfunctions",
    "POST",
    /^\/v2\/(projects\/[^/]+\/locations\/[^/]+\/functions)$/,
    (call) => {
      const id = call.asked.query.get("functionId") ?? "";
      const name = `${call.parts[0]}/${id}`;
      create(call, "cloudfunctions", name, deployed(call, id, name, bodyOf(call)));
      call.state.resources.set(`run ${runService(call, id)}`, service(call, id, {}));
      return done(`${locationOf(name)}/operations/f`, find(call, "cloudfunctions", name));
    },
  ),
  route(
    "cloudfunctions",
    "PATCH",
    /^\/v2\/(projects\/[^/]+\/locations\/[^/]+\/functions\/([^/:]+))$/,
    (call) => {
      const [name = "", id = ""] = call.parts;
      const body = change(call, "cloudfunctions", name, deployed(call, id, name, bodyOf(call)));
      return done(`${locationOf(name)}/operations/f`, body);
    },
  ),
  route(
    "cloudfunctions",
    "DELETE",
    /^\/v2\/(projects\/[^/]+\/locations\/[^/]+\/functions\/([^/:]+))$/,
    (call) => {
      const [name = "", id = ""] = call.parts;
      remove(call, "cloudfunctions", name);
      remove(call, "run", runService(call, id));
      return done(`${locationOf(name)}/operations/f`, {});
    },
  ),

  route(
    "cloudfunctions",
    "GET",
    /^\/v2\/(projects\/[^/]+\/locations\/[^/]+\/operations\/f)$/,
    (call) =>
      done(
        call.parts[0] ?? "",
        {},
        { "@type": "type.googleapis.com/google.cloud.functions.v2.OperationMetadata", stages: [] },
      ),
  ),

  route(
    "run",
    "GET",
    /^\/apis\/serving\.knative\.dev\/v1\/(namespaces\/[^/]+\/services)$/,
    (call) => ({
      apiVersion: "serving.knative.dev/v1",
      kind: "ServiceList",
      items: below(call, "run", call.parts[0] ?? ""),
    }),
  ),
  route(
    "run",
    "POST",
    /^\/apis\/serving\.knative\.dev\/v1\/(namespaces\/[^/]+\/services)$/,
    (call) => {
      const id = nameOf(bodyOf(call));
      return create(call, "run", `${call.parts[0]}/${id}`, service(call, id, bodyOf(call)));
    },
  ),
  route(
    "run",
    "GET",
    /^\/apis\/serving\.knative\.dev\/v1\/(namespaces\/[^/]+\/services\/[^/]+)$/,
    (call) => find(call, "run", call.parts[0] ?? ""),
  ),
  route(
    "run",
    "PUT",
    /^\/apis\/serving\.knative\.dev\/v1\/(namespaces\/[^/]+\/services\/([^/]+))$/,
    (call) =>
      change(call, "run", call.parts[0] ?? "", service(call, call.parts[1] ?? "", bodyOf(call))),
  ),
  route(
    "run",
    "DELETE",
    /^\/apis\/serving\.knative\.dev\/v1\/(namespaces\/[^/]+\/services\/[^/]+)$/,
    (call) => remove(call, "run", call.parts[0] ?? ""),
  ),
  route(
    "run",
    "GET",
    /^\/v1\/projects\/[^/]+\/locations\/[^/]+\/services\/([^/:]+):getIamPolicy$/,
    (call) => {
      const name = runService(call, call.parts[0]);
      find(call, "run", name);
      return policyOf(call, "run", name);
    },
  ),
  route(
    "run",
    "POST",
    /^\/v1\/projects\/[^/]+\/locations\/[^/]+\/services\/([^/:]+):setIamPolicy$/,
    (call) => {
      const name = runService(call, call.parts[0]);
      find(call, "run", name);
      return setPolicy(call, "run", name, bodyOf(call)["policy"] as Policy);
    },
  ),

  // Pools are deployed by gRPC, which is not for a stub of HTTP: there are none.
  route("run", "GET", /^\/apis\/run\.googleapis\.com\/v1\/namespaces\/[^/]+\/workerpools$/, () => ({
    apiVersion: "run.googleapis.com/v1",
    kind: "WorkerPoolList",
    items: [],
  })),

  route(
    "artifactregistry",
    "GET",
    /^\/v1\/(projects\/[^/]+\/locations\/[^/]+\/repositories)$/,
    (call) => ({
      repositories: below(call, "artifactregistry", call.parts[0] ?? ""),
    }),
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
  route(
    "artifactregistry",
    "GET",
    /^\/v1\/(projects\/[^/]+\/locations\/[^/]+\/repositories\/[^/]+)$/,
    (call) => find(call, "artifactregistry", call.parts[0] ?? ""),
  ),
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
  route("cloudbuild", "GET", /^\/v1\/projects\/[^/]+\/locations\/[^/]+\/builds\/([^/]+)$/, (call) =>
    find(call, "cloudbuild", call.parts[0] ?? ""),
  ),
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

function deployed(call: Call, id: string, name: string, body: Body): Body {
  const { serviceConfig, buildConfig } = body as { serviceConfig?: Body; buildConfig?: Body };
  const { project, urlOf } = call.state;
  const account = serviceConfig?.["serviceAccountEmail"];
  if (typeof account === "string")
    find(call, "iam", `projects/${project}/serviceAccounts/${account}`);
  return {
    ...body,
    name,
    environment: "GEN_2",
    state: "ACTIVE",
    buildConfig: { ...buildConfig },
    url: urlOf(id),
    serviceConfig: {
      ...serviceConfig,
      uri: urlOf(id),
      service: `projects/${project}/locations/r/services/${id}`,
    },
  };
}

function service(call: Call, id: string, body: Body): Body {
  const { metadata, spec } = body as { metadata?: Body; spec?: Body };
  const url = call.state.urlOf(id);
  const condition = (type: string) => ({
    type,
    status: "True",
    lastTransitionTime: "2026-11-24T00:00:00Z",
  });
  return {
    apiVersion: "serving.knative.dev/v1",
    kind: "Service",
    metadata: { name: id, namespace: call.state.number, generation: 1, ...metadata },
    spec: spec ?? {},
    status: {
      observedGeneration: 1,
      url,
      address: { url },
      latestReadyRevisionName: `${id}-00001`,
      latestCreatedRevisionName: `${id}-00001`,
      traffic: [{ revisionName: `${id}-00001`, percent: 100, latestRevision: true }],
      conditions: ["Ready", "ConfigurationsReady", "RoutesReady"].map(condition),
    },
  };
}

function runService(call: Call, id = ""): string {
  return `namespaces/${call.state.project}/services/${id}`;
}

function nameOf(body: Body): string {
  return String((body["metadata"] as Body)["name"]);
}

function locationOf(name: string): string {
  return name.split("/").slice(0, 4).join("/");
}
