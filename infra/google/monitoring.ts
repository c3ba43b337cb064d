import { alertPolicies, type AlertOptions, type AlertPolicy } from "./alerts.ts";
import { dashboard, type Dashboard } from "./dashboard.ts";
import { logMetrics, type LogMetric } from "./metrics.ts";

/** All that watches a deployment, as data; metrics have to be there before the policies that refer to them. */
export interface Monitoring {
  /** For each: `gcloud logging metrics create <name> --config-from-file`, and `update` likewise. */
  readonly metrics: readonly LogMetric[];
  /** For each: `gcloud alpha monitoring policies create --policy-from-file`; known again by their user labels. */
  readonly policies: readonly AlertPolicy[];
  /** `gcloud monitoring dashboards create --config-from-file`; known again by its display name. */
  readonly dashboard: Dashboard;
}

/** What watches a deployment by these names. */
export function monitoring(options: AlertOptions): Monitoring {
  return {
    metrics: logMetrics(options.prefix),
    policies: alertPolicies(options),
    dashboard: dashboard(options),
  };
}
