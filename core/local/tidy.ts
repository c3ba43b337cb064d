import type { Database } from "./database.ts";

const failuresKeptMs = 24 * 60 * 60_000;
// Longer than anybody calls lately.
const pullsKeptMs = 30 * 24 * 60 * 60_000;

/**
 * Forgets what in Firestore policies delete: failures that nobody asks about again, pulls of long ago, and what was
 * charged by then. Answers how many rows those were.
 */
export function tidy(database: Database, now: number): number {
  const failures = database.run(
    `delete from images where record ->> '$.state' = 'failed' and changed_at < ?
       and record ->> '$.retryAt' < ?`,
    now - failuresKeptMs,
    now,
  );
  const pulls = database.run("delete from pulls where at < ?", now - pullsKeptMs);
  const charges = database.run("delete from quotas where expires_at < ?", now);
  return failures + pulls + charges;
}
