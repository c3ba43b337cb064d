/** How grave an event is, in the words of Cloud Logging's `severity`. */
export type Severity = "DEBUG" | "INFO" | "WARNING" | "ERROR";

/** What belongs to an event besides its sentence: ids, digests, sizes in bytes, times in milliseconds. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes one event. The message is a sentence for a person; what a program would search for goes into the fields. */
export type Log = (severity: Severity, message: string, fields?: LogFields) => void;

/** A log that also says these fields with each event. */
export function logWith(log: Log, always: LogFields): Log {
  return (severity, message, fields) => log(severity, message, { ...always, ...fields });
}

/** What a caught value says for itself: everything thrown is not an `Error`. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
