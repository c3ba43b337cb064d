import { setTimeout as sleep } from "node:timers/promises";

const everyMs = 20;

/**
 * What `probe` answers as soon as that is neither undefined nor false; asked again and again, since what is waited for
 * happens in another process. Throws after `deadlineMs` and says what it waited for.
 */
export async function eventually<T>(
  what: string,
  probe: () => T | Promise<T>,
  deadlineMs = 30_000,
): Promise<Exclude<T, undefined | false>> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined && answer !== false) return answer as Exclude<T, undefined | false>; // just checked
    if (performance.now() > end) {
      throw new Error(`waited ${deadlineMs / 1000} s in vain: ${what}`);
    }
    await sleep(everyMs);
  }
}
