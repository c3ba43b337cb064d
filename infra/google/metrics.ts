import type { LogEvent } from "../../core/log-event.ts";

/**
 * A log-based metric, as `gcloud logging metrics create <name> --config-from-file` takes it
 * (https://cloud.google.com/logging/docs/reference/v2/rest/v2/projects.metrics#LogMetric).
 */
export interface LogMetric {
  readonly name: string;
  readonly description: string;
  readonly filter: string;
  readonly metricDescriptor: {
    readonly metricKind: "DELTA";
    readonly valueType: "INT64" | "DISTRIBUTION";
    readonly unit: "1" | "s";
    readonly labels?: readonly { readonly key: string; readonly valueType: "STRING" }[];
  };
  readonly labelExtractors?: Readonly<Record<string, string>>;
  /** Which number of a line is counted; of metrics without one, it is the lines. */
  readonly valueExtractor?: string;
  readonly bucketOptions?: { readonly exponentialBuckets: typeof seconds };
}

type EventOf<E extends LogEvent["event"]> = Extract<LogEvent, { readonly event: E }>;
type FieldOf<E extends LogEvent["event"], T> = {
  [K in keyof EventOf<E>]: EventOf<E>[K] extends T ? K : never;
}[keyof EventOf<E>] &
  string;

/** What is counted of an event: fields that the event has, or it does not compile. */
interface Counted<E extends LogEvent["event"]> {
  readonly event: E;
  readonly description: string;
  readonly labels?: readonly Exclude<FieldOf<E, string>, "event">[];
  readonly seconds?: FieldOf<E, number>;
}

// From a tenth of a second to three hours, each bound half as long again as the one before.
const seconds = { numFiniteBuckets: 29, growthFactor: 1.5, scale: 0.1 } as const;

/** Names of the metrics of a deployment whose name is `prefix`. */
export function metricNames(prefix: string) {
  return {
    pulls: `${prefix}-pulls`,
    pullSeconds: `${prefix}-pull-seconds`,
    builds: `${prefix}-builds`,
    buildSeconds: `${prefix}-build-seconds`,
    deadLetters: `${prefix}-dead-letters`,
    queueSeconds: `${prefix}-queue-seconds`,
    requestFailures: `${prefix}-request-failures`,
  } as const;
}

/** The log-based metrics of a deployment: they count the events of `core/log-event.ts`. */
export function logMetrics(prefix: string): readonly LogMetric[] {
  const names = metricNames(prefix);
  const count = <E extends LogEvent["event"]>(name: string, counted: Counted<E>) =>
    logMetric(prefix, name, counted);
  return [
    count(names.pulls, {
      event: "pull",
      description: "Pulls that had to wait or failed, by what came of them",
      labels: ["outcome"],
    }),
    count(names.pullSeconds, {
      event: "pull",
      description: "How long pulls that had to wait were held",
      labels: ["outcome"],
      seconds: "seconds",
    }),
    count(names.builds, {
      event: "build",
      description: "Builds that came to their end, by what came of them",
      labels: ["outcome", "reason", "lane"],
    }),
    count(names.buildSeconds, {
      event: "build",
      description: "How long builds took from when a worker had them",
      labels: ["outcome", "lane"],
      seconds: "buildSeconds",
    }),
    count(names.deadLetters, {
      event: "dead-letter",
      description: "Messages that nobody will do anything about any more",
      labels: ["cause"],
    }),
    count(names.queueSeconds, {
      event: "maintenance",
      description: "How long the pull waits for a worker that waits longest, once a minute",
      seconds: "oldestQueuedSeconds",
    }),
    count(names.requestFailures, {
      event: "request-failed",
      description: "Requests answered with an error of the registry's own",
    }),
  ];
}

function logMetric<E extends LogEvent["event"]>(
  prefix: string,
  name: string,
  { event, description, labels = [], seconds: field }: Counted<E>,
): LogMetric {
  const extractors = labels.map((label) => [label, `EXTRACT(jsonPayload.${label})`]);
  return {
    name,
    description,
    filter: `labels.deployment="${prefix}" AND jsonPayload.event="${event}"`,
    metricDescriptor: {
      metricKind: "DELTA",
      valueType: field === undefined ? "INT64" : "DISTRIBUTION",
      unit: field === undefined ? "1" : "s",
      ...(labels.length > 0 && {
        labels: labels.map((key) => ({ key, valueType: "STRING" as const })),
      }),
    },
    ...(labels.length > 0 && {
      labelExtractors: Object.fromEntries(extractors) as Readonly<Record<string, string>>,
    }),
    ...(field !== undefined && {
      valueExtractor: `EXTRACT(jsonPayload.${field})`,
      bucketOptions: { exponentialBuckets: seconds },
    }),
  };
}
