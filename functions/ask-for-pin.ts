import type { Clock, JobQueue, PinRecord, Pins } from "../core/ports.ts";

export interface AskTools {
  readonly pins: Pins;
  readonly queue: JobQueue;
  readonly now: Clock;
}

export const askAgainMs = 15_000;

/**
 * Asks the worker to look a reference up, unless somebody has just asked. A question that could not be published is
 * taken back: others would rely on it, and wait for an answer that nobody works on. False where others have asked.
 */
export async function askForPin(
  { pins, queue, now }: AskTools,
  id: string,
  reference: string | undefined,
  record: PinRecord | undefined,
): Promise<boolean> {
  if (record !== undefined && now() - record.askedAt < askAgainMs && isAsked(record)) return false;
  const { version = 0, ...kept } = record ?? {};
  const next = { ...kept, reference, askedAt: now() };
  if (!(await pins.replace(id, version, next))) return false;
  try {
    await queue.publish({ kind: "pin", pinId: id });
    return true;
  } catch (error) {
    // Where it fails because the record has moved on, there is nothing to take back.
    await pins.replace(id, version + 1, { ...next, askedAt: record?.askedAt ?? 0 });
    throw error;
  }
}

/** Whether a look-up is under way: asked for, and neither answered nor failed since. */
export function isAsked(record: PinRecord): boolean {
  const answeredAt = Math.max(record.current?.resolvedAt ?? 0, record.failure?.failedAt ?? 0);
  return record.askedAt > answeredAt;
}
