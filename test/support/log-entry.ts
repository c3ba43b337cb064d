import type { LogMetric } from "../../infra/google/metrics.ts";

/** An entry of Cloud Logging, as far as filters ask for it. */
export interface LogEntry {
  readonly severity: unknown;
  readonly trace?: unknown;
  readonly spanId?: unknown;
  readonly labels: Readonly<Record<string, string>>;
  readonly httpRequest?: unknown;
  readonly jsonPayload: Readonly<Record<string, unknown>>;
}

/**
 * What Cloud Logging makes of a line on stdout: special fields become those of the entry, and all others its payload
 * (https://cloud.google.com/logging/docs/structured-logging#structured_logging_special_fields). Undefined for text.
 */
export function entryOf(line: string): LogEntry | undefined {
  if (!line.startsWith("{")) return undefined;
  const {
    severity,
    time: _time,
    httpRequest,
    "logging.googleapis.com/trace": trace,
    "logging.googleapis.com/spanId": spanId,
    "logging.googleapis.com/trace_sampled": _sampled,
    "logging.googleapis.com/labels": labels = {},
    ...jsonPayload
  } = JSON.parse(line) as Record<string, unknown>;
  const named = labels as Readonly<Record<string, string>>; // core/local/log.ts writes no other
  return { severity, trace, spanId, httpRequest, labels: named, jsonPayload };
}

const comparison = /^([\w.]+)="([^"]*)"$/;

/**
 * Whether a filter of Cloud Logging selects an entry; of its language only what firn uses, `a.b="text" AND ...`, and
 * throws where it is anything else (https://cloud.google.com/logging/docs/view/logging-query-language).
 */
export function selects(filter: string, entry: LogEntry): boolean {
  return filter.split(" AND ").every((part) => {
    const [, path, text] = comparison.exec(part) ?? [];
    if (path === undefined) throw new Error(`${part} is not understood`);
    return valueAt(path, entry) === text;
  });
}

/** The points that a metric makes of entries: the labels of each, and its value, which is 1 where lines are counted. */
export function pointsOf(metric: LogMetric, entries: readonly LogEntry[]) {
  return entries
    .filter((entry) => selects(metric.filter, entry))
    .map((entry) => {
      const extractors = Object.entries(metric.labelExtractors ?? {});
      const labels = extractors.map(([label, from]) => [label, extracted(from, entry)] as const);
      const { valueExtractor } = metric;
      const value = valueExtractor === undefined ? 1 : extracted(valueExtractor, entry);
      return { labels: Object.fromEntries(labels), value };
    });
}

function extracted(extractor: string, entry: LogEntry): unknown {
  const [, path] = /^EXTRACT\(([\w.]+)\)$/.exec(extractor) ?? [];
  if (path === undefined) throw new Error(`${extractor} is not understood`);
  return valueAt(path, entry);
}

function valueAt(path: string, entry: LogEntry): unknown {
  return path
    .split(".")
    .reduce<unknown>(
      (value, name) =>
        typeof value === "object" && value !== null
          ? (value as Readonly<Record<string, unknown>>)[name]
          : undefined,
      entry,
    );
}
