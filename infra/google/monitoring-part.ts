import type { AlertPolicy } from "./alerts.ts";
import type { Dashboard } from "./dashboard.ts";
import type { DeploymentSettings } from "./deployment-settings.ts";
import { hashOf } from "./environment-flag.ts";
import { functionName } from "./functions.ts";
import { lastPart, listIn, textAt } from "./json.ts";
import type { LogMetric } from "./metrics.ts";
import { monitoring } from "./monitoring.ts";
import type { Place } from "./place.ts";
import { gcloud, type Command, type Part, type Properties, type Resource } from "./resource.ts";

const label = "firn-settings";

/** What watches the deployment: metrics first, since policies refer to them. */
export function monitoringPart(place: Place, settings: DeploymentSettings): Part {
  const { prefix, bucket } = place;
  const { worker, runbook, alertChannels: channels } = settings;
  const registry = functionName(place, "registry");
  const { metrics, policies, dashboard } = monitoring({
    prefix,
    registry,
    worker,
    bucket,
    runbook,
    channels,
  });
  return {
    resources: [...metrics.map(metricResource), ...policies.map(policyResource), board(dashboard)],
    readings: [
      {
        args: ["logging", "metrics", "list"],
        api: "logging.googleapis.com",
        read: (answer) =>
          listIn(answer).map((each) => ({
            kind: "log metric",
            name: textAt(each, "name"),
            live: {
              filter: textAt(each, "filter"),
              settings: describedHash.exec(textAt(each, "description"))?.[1] ?? "",
            },
          })),
      },
      {
        args: ["alpha", "monitoring", "policies", "list"],
        api: "monitoring.googleapis.com",
        read: (answer) =>
          listIn(answer).map((each) => ({
            kind: "alert",
            name: `${textAt(each, "userLabels", "deployment")}-${textAt(each, "userLabels", "alert")}`,
            live: {
              enabled: each["enabled"] !== false,
              settings: textAt(each, "userLabels", label),
              given: { name: textAt(each, "name") },
            },
          })),
      },
      {
        args: ["monitoring", "dashboards", "list"],
        api: "monitoring.googleapis.com",
        read: (answer) =>
          listIn(answer).map((each) => ({
            kind: "dashboard",
            name: textAt(each, "displayName"),
            live: {
              settings: textAt(each, "labels", label),
              given: { name: textAt(each, "name"), etag: textAt(each, "etag") },
            },
          })),
      },
    ],
  };
}

const describedHash = new RegExp(`\\(${label} ([0-9a-f]+)\\)$`);

function metricResource(metric: LogMetric): Resource {
  const { name } = metric;
  const settings = hashOf(metric);
  // Metrics have no labels of their own.
  const body = { ...metric, description: `${metric.description} (${label} ${settings})` };
  return {
    kind: "log metric",
    name,
    why: "alerts and dashboard are made of it",
    wanted: { ...propertiesOf(metric), settings },
    create: [configured("logging metrics create", [name], "--config-from-file", body)],
    update: () => [configured("logging metrics update", [name], "--config-from-file", body)],
    remove: [gcloud("logging metrics delete", name)],
  };
}

function policyResource(policy: AlertPolicy): Resource {
  const words = "alpha monitoring policies";
  const { deployment, alert } = policy.userLabels;
  const settings = hashOf(policy);
  const body = { ...policy, userLabels: { ...policy.userLabels, [label]: settings } };
  return {
    kind: "alert",
    name: `${deployment}-${alert}`,
    why: "somebody is to know of it before users say so",
    wanted: { ...propertiesOf(policy), settings },
    create: [configured(`${words} create`, [], "--policy-from-file", body)],
    update: (live) => [configured(`${words} update`, [idIn(live)], "--policy-from-file", body)],
    remove: (live) => [gcloud(`${words} delete`, idIn(live))],
  };
}

function board(dashboard: Dashboard): Resource {
  const words = "monitoring dashboards";
  const settings = hashOf(dashboard);
  const body = { ...dashboard, labels: { ...dashboard.labels, [label]: settings } };
  const flag = "--config-from-file";
  return {
    kind: "dashboard",
    name: dashboard.displayName,
    why: "it shows what is asked, built and waited for",
    wanted: { ...propertiesOf(dashboard), settings },
    create: [configured(`${words} create`, [], flag, body)],
    update: (live) => [
      configured(`${words} update`, [idIn(live)], flag, {
        ...body,
        etag: textAt(live, "given", "etag"),
      }),
    ],
    remove: (live) => [gcloud(`${words} delete`, idIn(live))],
  };
}

/** A command that reads a configuration. */
function configured(words: string, names: readonly string[], flag: string, body: object): Command {
  return { ...gcloud(words, ...names, `${flag}=-`), input: JSON.stringify(body) };
}

function idIn(live: Properties): string {
  return lastPart(textAt(live, "given", "name"));
}

function propertiesOf(body: LogMetric | AlertPolicy | Dashboard): Properties {
  return JSON.parse(JSON.stringify(body)) as Properties; // plain data
}
