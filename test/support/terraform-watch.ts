import type { Properties, Value as Wanted } from "../../infra/google/resource.ts";
import type { Value } from "./hcl-functions.ts";
import type { Instance } from "./terraform.ts";
import { all, one, text, type Body } from "./terraform-values.ts";

/** What a log-based metric of Terraform's is, under the names of Cloud Logging. */
export function logMetric({ values }: Instance): Properties {
  const descriptor = one(values, "metric_descriptor");
  const labels = all(descriptor, "labels").map(({ key, value_type: valueType }) => ({
    key: text(key),
    valueType: text(valueType),
  }));
  const [buckets] = all(values, "bucket_options").map((each) => one(each, "exponential_buckets"));
  return without({
    name: text(values["name"]),
    description: text(values["description"]),
    filter: text(values["filter"]),
    metricDescriptor: without({
      metricKind: text(descriptor["metric_kind"]),
      valueType: text(descriptor["value_type"]),
      unit: text(descriptor["unit"]),
      labels: labels.length > 0 ? labels : null,
    }),
    labelExtractors: values["label_extractors"] ?? null,
    valueExtractor: values["value_extractor"] ?? null,
    bucketOptions:
      buckets === undefined
        ? null
        : {
            exponentialBuckets: {
              numFiniteBuckets: Number(buckets["num_finite_buckets"]),
              growthFactor: Number(buckets["growth_factor"]),
              scale: Number(buckets["scale"]),
            },
          },
  });
}

/** What an alert policy of Terraform's is, under the names of Cloud Monitoring. */
export function alertPolicy({ values }: Instance): Properties {
  const documentation = one(values, "documentation");
  return without({
    displayName: text(values["display_name"]),
    documentation: {
      content: text(documentation["content"]),
      mimeType: text(documentation["mime_type"]),
    },
    userLabels: values["user_labels"] ?? null,
    severity: text(values["severity"]),
    combiner: text(values["combiner"]),
    conditions: all(values, "conditions").map(condition),
    alertStrategy: { autoClose: text(one(values, "alert_strategy")["auto_close"]) },
    notificationChannels: values["notification_channels"] ?? null,
    enabled: values["enabled"] === true,
  });
}

function condition(block: Body): Wanted {
  const displayName = text(block["display_name"]);
  const [absent] = all(block, "condition_absent");
  const thresholds = all(block, "condition_threshold");
  if (absent !== undefined && thresholds.length === 0) {
    return {
      displayName,
      conditionAbsent: {
        filter: text(absent["filter"]),
        aggregations: aggregations(absent, "aggregations"),
        duration: text(absent["duration"]),
      },
    };
  }
  const threshold = one(block, "condition_threshold");
  const denominator = aggregations(threshold, "denominator_aggregations");
  return {
    displayName,
    conditionThreshold: without({
      filter: text(threshold["filter"]),
      aggregations: aggregations(threshold, "aggregations"),
      denominatorFilter: threshold["denominator_filter"] ?? null,
      denominatorAggregations: denominator.length > 0 ? denominator : null,
      comparison: text(threshold["comparison"]),
      thresholdValue: Number(threshold["threshold_value"]),
      duration: text(threshold["duration"]),
    }),
  };
}

function aggregations(block: Body, name: string) {
  return all(block, name).map((each) => ({
    alignmentPeriod: text(each["alignment_period"]),
    perSeriesAligner: text(each["per_series_aligner"]),
    crossSeriesReducer: text(each["cross_series_reducer"]),
  }));
}

/** Terraform's null is what Google's interface leaves out. */
function without(members: Readonly<Record<string, Value>>): Properties {
  const said = Object.entries(members).filter(([, value]) => value !== null);
  return Object.fromEntries(said) as Properties; // deeper down there is no null
}
