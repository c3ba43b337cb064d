import type { Log, LogFields, Severity } from "../../core/log.ts";

export interface LogEvent {
  readonly severity: Severity;
  readonly message: string;
  readonly fields: LogFields | undefined;
}

/** A log that keeps what it was told. */
export function recordingLog(): { readonly log: Log; readonly events: readonly LogEvent[] } {
  const events: LogEvent[] = [];
  return {
    log: (severity, message, fields) => void events.push({ severity, message, fields }),
    events,
  };
}
