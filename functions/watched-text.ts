import { messageOf, type Log } from "../core/log.ts";
import type { Clock } from "../core/ports.ts";
import { until } from "./until.ts";

/** What a text says that people change while we run, such as a file, or a secret that is mounted as one. */
export interface Watched<T> {
  /** As it was when it was last read and understood. */
  readonly current: T;
  /** Whether it was looked at lately; else `refresh` is to be called before it is relied upon. */
  readonly isFresh: boolean;
  /** Reads it again where that is due. Never rejects: what cannot be read or understood is logged, and the last one stays. */
  refresh(): Promise<void>;
}

export interface WatchedTools<T> {
  /** Called where it is, for messages: `FIRN_USERS: /etc/firn/users`. */
  readonly called: string;
  readonly read: () => Promise<string>;
  /** Throws an Error that says what is wrong with it. */
  readonly parse: (text: string) => T;
  readonly now: Clock;
  readonly log: Log;
}

const everyMs = 5000;
// Nobody who pulls waits longer for a disk that does not answer.
const longestMs = 2000;

/** Reads a text for the first time, which has to succeed. It is read again only while somebody asks: a function has no CPU between requests. */
export async function watchText<T>(tools: WatchedTools<T>): Promise<Watched<T>> {
  const { called, read, parse, now, log } = tools;
  let text = await read();
  let current = parse(text);
  let lookedAt = now();
  let reading: Promise<void> | undefined;
  let complaint: string | undefined;

  async function readAgain(): Promise<void> {
    try {
      const next = await read();
      if (next !== text) {
        current = parse(next);
        text = next;
        log("INFO", `${called} has changed, and applies from now on`);
      }
      complaint = undefined;
    } catch (error) {
      const message = messageOf(error);
      if (message !== complaint) log("ERROR", `${called}: the last one stays: ${message}`);
      complaint = message;
    } finally {
      lookedAt = now();
      reading = undefined;
    }
  }

  return {
    get current() {
      return current;
    },
    get isFresh() {
      return now() - lookedAt < everyMs;
    },
    async refresh() {
      if (now() - lookedAt < everyMs) return;
      reading ??= readAgain();
      await until(reading, AbortSignal.timeout(longestMs));
    },
  };
}
