import { createRequire } from "node:module";
import pino from "pino";
import type PinoPretty from "pino-pretty";
import { countedOnly } from "../log-event.ts";
import type { Log, LogFields, Severity } from "../log.ts";
import { currentTrace } from "../trace.ts";
import { visible } from "../visible.ts";

type Level = "debug" | "info" | "warning" | "error";

const levels: Record<Severity, "debug" | "info" | "warn" | "error"> = {
  DEBUG: "debug",
  INFO: "info",
  WARNING: "warn",
  ERROR: "error",
};
const severities: Record<string, Severity> = {
  debug: "DEBUG",
  info: "INFO",
  warn: "WARNING",
  error: "ERROR",
};

/** Which program speaks; text for people leaves it out. */
export interface LogOrigin {
  /** The project whose traces the lines belong to. */
  readonly project?: string;
  /** On every line, to tell deployments and programs apart. */
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * A log on stdout: a line of JSON an event in the shape that Cloud Logging reads
 * (https://cloud.google.com/logging/docs/structured-logging: `severity`, `message`, `time`, trace and labels), or a line
 * of text for a person at a terminal, who sees the fields only at level debug. What metrics count is in JSON whatever
 * the level is: alerts depend on it. Escapes of terminals are shown as what they are, whoever put them into a message.
 */
export function createLog(format: "text" | "json", level: Level, origin: LogOrigin = {}): Log {
  const options: pino.LoggerOptions = {
    level: level === "warning" ? "warn" : level,
    messageKey: "message",
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { error: pino.stdSerializers.err },
  };
  const formatters = { level: (label: string) => ({ severity: severities[label] ?? "INFO" }) };
  if (format === "text") {
    const logger = pino(options, forPeople(level));
    return (severity, message, fields = {}) => {
      if (countedOnly.has(fields["event"]) && level !== "debug") return;
      // A line that is indented belongs to the one above, whatever a package wrote at its beginning.
      logger[levels[severity]](fields, visible(message, "\n\t").replaceAll("\n", "\n    "));
    };
  }
  const logger = pino({ ...options, formatters }, pino.destination({ sync: true }));
  const counted = logger.child({}, { level: "debug" });
  return (severity, message, fields = {}) => {
    const writer = fields["event"] === undefined ? logger : counted;
    writer[levels[severity]]({ ...fields, ...fieldsOf(origin) }, visible(message, "\n\t"));
  };
}

function fieldsOf({ project, labels }: LogOrigin): LogFields {
  const trace = currentTrace();
  const prefix = project === undefined ? "" : `projects/${project}/traces/`;
  return {
    ...(trace && {
      "logging.googleapis.com/trace": `${prefix}${trace.traceId}`,
      "logging.googleapis.com/spanId": trace.spanId,
      "logging.googleapis.com/trace_sampled": trace.sampled,
    }),
    ...(labels && { "logging.googleapis.com/labels": labels }),
  };
}

function forPeople(level: Level) {
  // Not imported above: programs that write JSON would load it at each start for nothing.
  const load = createRequire(import.meta.url);
  const pretty = load("pino-pretty") as typeof PinoPretty;
  return pretty({
    colorize: process.stdout.isTTY,
    messageKey: "message",
    timestampKey: "time",
    translateTime: "SYS:HH:MM:ss",

    hideObject: level !== "debug",
    sync: true,
  });
}
