import { timeSeries, type Aggregation, type Watched } from "./time-series.ts";

/**
 * An alert policy, as `gcloud alpha monitoring policies create --policy-from-file` takes it
 * (https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies).
 */
export interface AlertPolicy {
  readonly displayName: string;
  readonly documentation: { readonly content: string; readonly mimeType: "text/markdown" };
  readonly userLabels: { readonly deployment: string; readonly alert: AlertName };
  readonly severity: "CRITICAL" | "ERROR" | "WARNING";
  readonly combiner: "OR" | "AND";
  readonly conditions: readonly Condition[];
  readonly alertStrategy: { readonly autoClose: `${number}s` };
  readonly notificationChannels: readonly string[];
  readonly enabled: true;
}

export type Condition = { readonly displayName: string } & (
  | { readonly conditionThreshold: Threshold }
  | { readonly conditionAbsent: Omit<Threshold, "comparison" | "thresholdValue"> }
);

interface Threshold {
  readonly filter: string;
  readonly aggregations: readonly Aggregation[];
  /** What the filter's points are divided by. */
  readonly denominatorFilter?: string;
  readonly denominatorAggregations?: readonly Aggregation[];
  readonly comparison: "COMPARISON_GT";
  readonly thresholdValue: number;
  readonly duration: `${number}s`;
}

/** The alerts there are; each has a section of that name in the runbook. */
export const alertNames = [
  "cold-pulls-failing",
  "dead-letters",
  "no-worker",
  "build-time",
  "error-rate",
] as const;
export type AlertName = (typeof alertNames)[number];

export interface AlertOptions extends Watched {
  /** Where people on call find the runbook: the address of `RUNBOOK.md`. */
  readonly runbook: string;
  /** `projects/<project>/notificationChannels/<id>`; without one an alert shows only in the console. */
  readonly channels: readonly string[];
}

const sumOver = (period: Aggregation["alignmentPeriod"]): readonly Aggregation[] => [
  {
    alignmentPeriod: period,
    perSeriesAligner: "ALIGN_DELTA",
    crossSeriesReducer: "REDUCE_SUM",
  },
];
const highestOver = (
  period: Aggregation["alignmentPeriod"],
  perSeriesAligner = "ALIGN_MAX",
): readonly Aggregation[] => [
  { alignmentPeriod: period, perSeriesAligner, crossSeriesReducer: "REDUCE_MAX" },
];

/** The alert policies of a deployment. */
export function alertPolicies(options: AlertOptions): readonly AlertPolicy[] {
  const series = timeSeries(options);
  const above = (
    displayName: string,
    filter: string,
    thresholdValue: number,
    aggregations: readonly Aggregation[],
    more: Partial<Threshold> = {},
  ): Condition => {
    const comparison = "COMPARISON_GT";
    const threshold = { filter, aggregations, comparison, thresholdValue, duration: "0s" } as const;
    return { displayName, conditionThreshold: { ...threshold, ...more } };
  };
  const failedPulls = series.pulls({ "metric.labels.outcome": "failed" });
  const failedRequests = series.requests({ "metric.labels.response_code_class": "5xx" });
  const policy = policyOf(options);
  return [
    policy("cold-pulls-failing", "cold pulls are failing", "CRITICAL", "AND", [
      // Of three pulls in a night one that fails is a third, and nobody has to get up for it.
      above("at least three in ten minutes", failedPulls, 2, sumOver("600s")),
      above("more than one in twenty", failedPulls, 0.05, sumOver("600s"), {
        denominatorFilter: series.pulls(),
        denominatorAggregations: sumOver("600s"),
      }),
    ]),
    policy(
      "dead-letters",
      "messages were set aside",
      "ERROR",
      "OR",
      series.deadLetters.map((each) => above("any in ten minutes", each, 0, sumOver("600s"))),
    ),
    policy("no-worker", "no worker takes jobs", "CRITICAL", "OR", [
      above(
        "a pull waits for a worker for more than five minutes",
        series.queueSeconds,
        300,
        highestOver("300s", "ALIGN_PERCENTILE_99"),
      ),
      above(
        "a look-up of a tag was not taken for ten minutes",
        series.unansweredPins,
        600,
        highestOver("60s"),
      ),
      {
        displayName: "maintenance, which would say so, has said nothing for 15 minutes",
        conditionAbsent: {
          filter: series.queueSeconds,
          aggregations: highestOver("60s", "ALIGN_PERCENTILE_99"),
          duration: "900s",
        },
      },
    ]),
    policy("build-time", "builds take long", "WARNING", "OR", [
      above(
        "one in twenty of those that somebody waits for takes more than ten minutes",
        series.buildSeconds({ "metric.labels.lane": "pull", "metric.labels.outcome": "ready" }),
        600,
        [
          {
            alignmentPeriod: "3600s",
            perSeriesAligner: "ALIGN_DELTA",
            crossSeriesReducer: "REDUCE_PERCENTILE_95",
          },
        ],
      ),
    ]),
    policy("error-rate", "requests are answered with errors", "CRITICAL", "AND", [
      above("more than five in five minutes", failedRequests, 5, sumOver("300s")),
      above("more than one in a hundred", failedRequests, 0.01, sumOver("300s"), {
        denominatorFilter: series.requests(),
        denominatorAggregations: sumOver("300s"),
      }),
    ]),
  ];
}

function policyOf({ prefix, runbook, channels }: AlertOptions) {
  return (
    alert: AlertName,
    what: string,
    severity: AlertPolicy["severity"],
    combiner: AlertPolicy["combiner"],
    conditions: readonly Condition[],
  ): AlertPolicy => ({
    displayName: `${prefix}: ${what}`,
    documentation: {
      content: `What it means and what to do: ${runbook}#${alert}`,
      mimeType: "text/markdown",
    },
    userLabels: { deployment: prefix, alert },
    severity,
    combiner,
    conditions,
    alertStrategy: { autoClose: "3600s" },
    notificationChannels: channels,
    enabled: true,
  });
}
