import {
  below,
  bodyOf,
  change,
  changed,
  create,
  listed,
  removed,
  route,
  shown,
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
  listed("logging", metrics, "metrics"),
  route("logging", "POST", metrics, (call) =>
    create(call, "logging", `${call.parts[0]}/${String(bodyOf(call)["name"])}`, bodyOf(call)),
  ),
  shown("logging", metric),
  changed("logging", "PUT", metric),
  removed("logging", metric),
  ...watched(policies, policy, "alertPolicies"),
  ...watched(dashboards, dashboard, "dashboards"),
];

function watched(all: RegExp, one: RegExp, member: string): readonly Route[] {
  return [
    listed("monitoring", all, member),
    route("monitoring", "POST", all, (call) => {
      const name = `${call.parts[0]}/${1000 + list(call).length}`;
      return create(call, "monitoring", name, { ...bodyOf(call), name, etag: "1" });
    }),
    shown("monitoring", one),
    route("monitoring", "PATCH", one, (call) => {
      const name = call.parts[0] ?? "";
      return change(call, "monitoring", name, { ...bodyOf(call), name });
    }),
    removed("monitoring", one),
  ];
}

function list(call: Call) {
  return below(call, call.asked.api, call.parts[0] ?? "");
}
