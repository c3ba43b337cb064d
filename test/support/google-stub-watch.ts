import {
  below,
  bodyOf,
  change,
  create,
  find,
  remove,
  route,
  type Call,
  type Route,
} from "./google-stub-state.ts";

const metrics = /^\/v2\/(projects\/[^/]+\/metrics)$/;
const metric = /^\/v2\/(projects\/[^/]+\/metrics\/[^/]+)$/;
const policies = /^\/v3\/(projects\/[^/]+\/alertPolicies)$/;
const policy = /^\/v3\/(projects\/[^/]+\/alertPolicies\/[^/]+)$/;
const dashboards = /^\/v1\/(projects\/[^/]+\/dashboards)$/;
const dashboard = /^\/v1\/(projects\/[^/]+\/dashboards\/[^/]+)$/;

/** What watches: Cloud Logging's metrics, and policies and dashboards of Cloud Monitoring, which names them itself. */
export const watchRoutes: readonly Route[] = [
  route("logging", "GET", metrics, (call) => ({ metrics: list(call) })),
  route("logging", "POST", metrics, (call) =>
    create(call, "logging", `${call.parts[0]}/${String(bodyOf(call)["name"])}`, bodyOf(call)),
  ),
  route("logging", "GET", metric, (call) => find(call, "logging", call.parts[0] ?? "")),
  route("logging", "PUT", metric, (call) =>
    change(call, "logging", call.parts[0] ?? "", bodyOf(call)),
  ),
  route("logging", "DELETE", metric, (call) => remove(call, "logging", call.parts[0] ?? "")),
  ...watched(policies, policy, "alertPolicies"),
  ...watched(dashboards, dashboard, "dashboards"),
];

function watched(all: RegExp, one: RegExp, member: string): readonly Route[] {
  return [
    route("monitoring", "GET", all, (call) => ({ [member]: list(call) })),
    route("monitoring", "POST", all, (call) => {
      const name = `${call.parts[0]}/${1000 + list(call).length}`;
      return create(call, "monitoring", name, { ...bodyOf(call), name, etag: "1" });
    }),
    route("monitoring", "GET", one, (call) => find(call, "monitoring", call.parts[0] ?? "")),
    route("monitoring", "PATCH", one, (call) => {
      const name = call.parts[0] ?? "";
      return change(call, "monitoring", name, { ...bodyOf(call), name });
    }),
    route("monitoring", "DELETE", one, (call) => remove(call, "monitoring", call.parts[0] ?? "")),
  ];
}

function list(call: Call) {
  return below(call, call.asked.api, call.parts[0] ?? "");
}
