import { setTimeout as sleep } from "node:timers/promises";
import type { Clock, Handled, Job, JobQueue } from "../ports.ts";
import { messageOf, type Log } from "../log.ts";
import { inTraceOf, traced } from "../trace.ts";
import type { Database } from "./database.ts";

// A handler that runs renews its hold on the job well before it ends; another process has to wait this long.
const heldMs = 60_000;
const renewMs = 20_000;
const longestReturnMs = 60_000;

type Handle = (job: Job, attempt: number) => Promise<Handled>;

interface Taken {
  readonly id: number;
  readonly job: Job;
  readonly attempt: number;
}

/** `JobQueue` in a table of SQLite, one for each kind of work: what was published survives the process. */
export function createLocalJobQueue(
  database: Database,
  now: Clock,
  log: Log,
  queue: "pull" | "prebuild" | "pin" = "pull",
): JobQueue {
  const idle = new Set<() => void>();
  const table = { pull: "jobs", prebuild: "prebuild_jobs", pin: "pin_jobs" }[queue];

  function take(): Taken | undefined {
    const row = database.get(
      `update ${table} set attempt = attempt + 1, available_at = ?2
       where id = (select id from ${table} where available_at <= ?1 order by id limit 1)
       returning id, job, attempt`,
      now(),
      now() + heldMs,
    );
    if (row === undefined) return undefined;
    const job = JSON.parse(String(row["job"])) as Job; // written by `publish` below
    return { id: Number(row["id"]), job, attempt: Number(row["attempt"]) };
  }

  async function deliver(taken: Taken, handle: Handle): Promise<void> {
    const holdUntil = (time: number) =>
      guarded(() => {
        database.run(`update ${table} set available_at = ? where id = ?`, time, taken.id);
      });
    const renewal = setInterval(() => holdUntil(now() + heldMs), renewMs);
    const handled = await inTraceOf(taken.job, () => handleSafely(taken, handle));
    clearInterval(renewal);
    if (handled.outcome === "return") holdUntil(now() + handled.afterMs);
    else guarded(() => database.run(`delete from ${table} where id = ?`, taken.id));
  }

  async function handleSafely({ job, attempt }: Taken, handle: Handle): Promise<Handled> {
    try {
      return await handle(job, attempt);
    } catch (error) {
      log("ERROR", `a job comes back: ${messageOf(error)}`, { job, error });
      return { outcome: "return", afterMs: Math.min(attempt * 1000, longestReturnMs) };
    }
  }

  // On a full disk nothing can be written. The job then comes again when its hold ends, and there is one who says so.
  function guarded<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      log("ERROR", `the queue of jobs cannot be written: ${messageOf(error)}`, { error });
      return undefined;
    }
  }

  async function consumeOne(handle: Handle, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const taken = guarded(take);
      if (taken === undefined) await untilPublished(signal);
      else await deliver(taken, handle);
    }
  }

  // Jobs that were returned become available without anyone saying so: look again every second.
  async function untilPublished(signal: AbortSignal): Promise<void> {
    const published = Promise.withResolvers<void>();
    const woken = new AbortController();
    idle.add(published.resolve);
    const either = AbortSignal.any([signal, woken.signal]);
    // The sleep rejects when it is cut short, which is one way of being over.
    const pause = sleep(1000, undefined, { signal: either }).catch(() => undefined);
    await Promise.race([published.promise, pause]);
    idle.delete(published.resolve);
    woken.abort();
  }

  return {
    async publish(job) {
      const { trace: _, ...wanted } = job;
      // One that waits already is as good: whoever takes it looks at the record, not at the message.
      database.run(
        `insert into ${table} (job, attempt, available_at) select ?1, 0, ?2
         where not exists (select 1 from ${table}
           where json_remove(job, '$.trace') = ?3 and available_at <= ?2)`,
        JSON.stringify(traced(job)),
        now(),
        JSON.stringify(wanted),
      );
      for (const wake of idle) wake();
    },
    async consume(slots, handle, signal) {
      await Promise.all(Array.from({ length: slots }, () => consumeOne(handle, signal)));
    },
  };
}
