import {
  below,
  bodyOf,
  change,
  create,
  done,
  find,
  listed,
  locationOf,
  policyOf,
  remove,
  removed,
  route,
  setPolicy,
  shown,
  type Body,
  type Call,
  type Policy,
  type Route,
} from "./google-stub-state.ts";

/** What runs: Cloud Functions and Cloud Run. */
export const computeRoutes: readonly Route[] = [
  listed("cloudfunctions", /^\/v2\/(projects\/[^/]+\/locations\/[^/]+\/functions)$/, "functions"),
  shown("cloudfunctions", /^\/v2\/(projects\/[^/]+\/locations\/[^/]+\/functions\/[^/:]+)$/),
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
  shown("run", /^\/apis\/serving\.knative\.dev\/v1\/(namespaces\/[^/]+\/services\/[^/]+)$/),
  route(
    "run",
    "PUT",
    /^\/apis\/serving\.knative\.dev\/v1\/(namespaces\/[^/]+\/services\/([^/]+))$/,
    (call) =>
      change(call, "run", call.parts[0] ?? "", service(call, call.parts[1] ?? "", bodyOf(call))),
  ),
  removed("run", /^\/apis\/serving\.knative\.dev\/v1\/(namespaces\/[^/]+\/services\/[^/]+)$/),
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
];

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
