import { pullSubscriptionNames, pushSubscriptionNames } from "../../core/google/topics.ts";
import { metricNames } from "./metrics.ts";

/** What is watched, and by which names it goes in the project. */
export interface Watched {
  /** What the names of topics, subscriptions and metrics begin with: FIRN_TOPICS. */
  readonly prefix: string;
  /** The Cloud Run service behind the registry function. */
  readonly registry: string;
  /** Whether workers are a service that jobs are pushed to, or a worker pool that pulls them; their log differs by it. */
  readonly worker: "service" | "pool";
  readonly bucket: string;
}

/** How the points of a time series become those of a chart or an alert. */
export interface Aggregation {
  readonly alignmentPeriod: `${number}s`;
  readonly perSeriesAligner: string;
  readonly crossSeriesReducer?: string;
  readonly groupByFields?: readonly string[];
}

/** Time series by the filters that select them (https://cloud.google.com/monitoring/api/v3/filters). */
export function timeSeries({ prefix, registry, worker, bucket }: Watched) {
  const names = metricNames(prefix);
  const workerResource = worker === "pool" ? "cloud_run_worker_pool" : "cloud_run_revision";
  const counted = (name: string, resource: string, more: Labels = {}) =>
    filter({
      "metric.type": `logging.googleapis.com/user/${name}`,
      "resource.type": resource,
      ...more,
    });
  const ofRegistry = (metric: string, more: Labels = {}) =>
    filter({
      "metric.type": `run.googleapis.com/${metric}`,
      "resource.type": "cloud_run_revision",
      "resource.labels.service_name": registry,
      ...more,
    });
  const pinJobs =
    worker === "pool" ? pullSubscriptionNames(prefix).pins : pushSubscriptionNames(prefix).pins;
  const fromFunctions = (name: string, more?: Labels) => counted(name, "cloud_run_revision", more);
  const fromWorkers = (name: string, more?: Labels) => counted(name, workerResource, more);
  return {
    pulls: (more?: Labels) => fromFunctions(names.pulls, more),
    pullSeconds: fromFunctions(names.pullSeconds),
    builds: fromWorkers(names.builds),
    buildSeconds: (more?: Labels) => fromWorkers(names.buildSeconds, more),
    /** Those of the functions, and of workers where these are something else. */
    deadLetters: [...new Set(["cloud_run_revision", workerResource])].map((resource) =>
      counted(names.deadLetters, resource),
    ),
    queueSeconds: fromFunctions(names.queueSeconds),
    requestFailures: fromFunctions(names.requestFailures),
    requests: (more?: Labels) => ofRegistry("request_count", more),
    latencies: ofRegistry("request_latencies"),
    instances: ofRegistry("container/instance_count"),
    /** Look-ups take seconds, and never wait for builds: what is old here, nobody takes. */
    unansweredPins: filter({
      "metric.type": "pubsub.googleapis.com/subscription/oldest_unacked_message_age",
      "resource.type": "pubsub_subscription",
      "resource.labels.subscription_id": pinJobs,
    }),
    storedBytes: filter({
      "metric.type": "storage.googleapis.com/storage/v2/total_bytes",
      "resource.type": "gcs_bucket",
      "resource.labels.bucket_name": bucket,
    }),
  } as const;
}

type Labels = Readonly<Record<string, string>>;

function filter(selectors: Labels): string {
  return Object.entries(selectors)
    .map(([what, value]) => `${what} = "${value}"`)
    .join(" AND ");
}
