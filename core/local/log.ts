import { createRequire } from "node:module";
import pino from "pino";
import type PinoPretty from "pino-pretty";
import type { Log, Severity } from "../log.ts";
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

/**
 * A log on stdout: a line of JSON an event in the shape that Cloud Logging reads (`severity`, `message`, `time`),
 * or a line of text for a person at a terminal, who sees the fields only at level debug. Escapes of terminals are shown as
 * what they are, whoever put them into a message.
 */
export function createLog(format: "text" | "json", level: Level): Log {
  const options: pino.LoggerOptions = {
    level: level === "warning" ? "warn" : level,
    messageKey: "message",
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { error: pino.stdSerializers.err },
  };
  const formatters = { level: (label: string) => ({ severity: severities[label] ?? "INFO" }) };
  const logger =
    format === "json"
      ? pino({ ...options, formatters }, pino.destination({ sync: true }))
      : pino(options, forPeople(level));
  // On a terminal a line that is indented belongs to the one above, whatever a package wrote at its beginning.
  const written = (message: string) => {
    const shown = visible(message, "\n\t");
    return format === "json" ? shown : shown.replaceAll("\n", "\n    ");
  };
  return (severity, message, fields = {}) => logger[levels[severity]](fields, written(message));
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
