import {
  bodyOf,
  change,
  changed,
  create,
  done,
  find,
  listed,
  policyOf,
  remove,
  route,
  setPolicy,
  shown,
  Refused,
  type Policy,
  type Route,
} from "./google-stub-state.ts";

/** Projects, their APIs, and who may do what: Service Usage, Resource Manager, and IAM. */
export const controlRoutes: readonly Route[] = [
  route("cloudresourcemanager", "GET", /^\/v1\/projects\/([^/:]+)$/, ({ state, parts }) => {
    if (parts[0] !== state.project && parts[0] !== state.number) {
      throw new Refused(
        403,
        "PERMISSION_DENIED",
        `The caller does not have permission on ${parts[0]}`,
      );
    }
    return {
      projectId: state.project,
      projectNumber: state.number,
      lifecycleState: "ACTIVE",
      name: state.project,
    };
  }),
  route("cloudresourcemanager", "POST", /^\/v1\/(projects\/[^/:]+):getIamPolicy$/, (call) =>
    policyOf(call, "cloudresourcemanager", call.parts[0] ?? ""),
  ),
  route("cloudresourcemanager", "POST", /^\/v1\/(projects\/[^/:]+):setIamPolicy$/, (call) =>
    setPolicy(call, "cloudresourcemanager", call.parts[0] ?? "", bodyOf(call)["policy"] as Policy),
  ),

  route("serviceusage", "GET", /^\/v1\/projects\/[^/]+\/services$/, ({ state }) => ({
    services: [...state.enabled].map((name) => service(state.number, name, "ENABLED")),
  })),
  route(
    "serviceusage",
    "GET",
    /^\/v1\/projects\/[^/]+\/services\/([^/:]+)$/,
    ({ state, parts: [name = ""] }) =>
      service(state.number, name, state.enabled.has(name) ? "ENABLED" : "DISABLED"),
  ),
  route("serviceusage", "POST", /^\/v1\/projects\/[^/]+\/services:batchEnable$/, (call) => {
    for (const name of bodyOf(call)["serviceIds"] as string[]) call.state.enabled.add(name);
    return done("operations/acf.enable", {});
  }),
  route(
    "serviceusage",
    "POST",
    /^\/v1\/projects\/[^/]+\/services\/([^/:]+):enable$/,
    ({ state, parts: [name = ""] }) => {
      state.enabled.add(name);
      return done("operations/acf.enable", {});
    },
  ),
  route(
    "serviceusage",
    "POST",
    /^\/v1beta1\/(projects\/[^/]+)\/services\/([^/:]+):generateServiceIdentity$/,
    ({ state }) =>
      done("operations/finished.DONE_OPERATION", {
        email: `service-${state.number}@gcp-sa-pubsub.iam.gserviceaccount.com`,
        uniqueId: "1",
      }),
  ),

  listed("iam", /^\/v1\/(projects\/[^/]+\/serviceAccounts)$/, "accounts"),
  route("iam", "POST", /^\/v1\/projects\/[^/]+\/serviceAccounts$/, (call) => {
    const { accountId, serviceAccount = {} } = bodyOf(call);
    const { project } = call.state;
    const email = `${String(accountId)}@${project}.iam.gserviceaccount.com`;
    const name = `projects/${project}/serviceAccounts/${email}`;
    return create(call, "iam", name, {
      ...(serviceAccount as object),
      name,
      email,
      projectId: project,
      uniqueId: "1",
    });
  }),
  route("iam", "GET", /^\/v1\/projects\/[^/]+\/serviceAccounts\/([^/:]+)$/, (call) =>
    find(call, "iam", account(call.state.project, call.parts[0])),
  ),
  route("iam", "DELETE", /^\/v1\/projects\/[^/]+\/serviceAccounts\/([^/:]+)$/, (call) =>
    remove(call, "iam", account(call.state.project, call.parts[0])),
  ),
  route("iam", "POST", /^\/v1\/projects\/[^/]+\/serviceAccounts\/([^/:]+):getIamPolicy$/, (call) =>
    policyOf(call, "iam", account(call.state.project, call.parts[0])),
  ),
  route("iam", "POST", /^\/v1\/projects\/[^/]+\/serviceAccounts\/([^/:]+):setIamPolicy$/, (call) =>
    setPolicy(
      call,
      "iam",
      account(call.state.project, call.parts[0]),
      bodyOf(call)["policy"] as Policy,
    ),
  ),

  // gcloud warns of permissions that are not among these.
  route("iam", "POST", /^\/v1\/permissions:queryTestablePermissions$/, () => ({ permissions: [] })),
  route("iam", "POST", /^\/v1\/(projects\/[^/]+\/roles)$/, (call) => {
    const { roleId, role } = bodyOf(call);
    const name = `${call.parts[0]}/${String(roleId)}`;
    return create(call, "iam", name, { ...(role as object), name });
  }),
  shown("iam", /^\/v1\/(projects\/[^/]+\/roles\/[^/:]+)$/),
  changed("iam", "PATCH", /^\/v1\/(projects\/[^/]+\/roles\/[^/:]+)$/),
  // Kept for a week, and its name with it.
  route("iam", "DELETE", /^\/v1\/(projects\/[^/]+\/roles\/[^/:]+)$/, (call) =>
    change(call, "iam", call.parts[0] ?? "", { deleted: true }),
  ),
  route("iam", "POST", /^\/v1\/(projects\/[^/]+\/roles\/[^/:]+):undelete$/, (call) =>
    change(call, "iam", call.parts[0] ?? "", { deleted: false }),
  ),
];

function service(number: string, name: string, state: string) {
  return {
    name: `projects/${number}/services/${name}`,
    config: { name },
    state,
    parent: `projects/${number}`,
  };
}

function account(project: string, email = ""): string {
  return `projects/${project}/serviceAccounts/${email}`;
}
