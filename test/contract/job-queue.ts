import { describe, expect, it } from "vitest";
import type { Handled, Job, JobQueue } from "../../core/ports.ts";
import { currentTrace, inTrace, newTrace, type Trace } from "../../core/trace.ts";
import { buildOf } from "../support/builds.ts";

export interface JobQueueSetUp extends AsyncDisposable {
  readonly queue: JobQueue;
}

const acknowledge: Handled = { outcome: "acknowledge" };

/** What every `JobQueue` promises. */
export function jobQueueContract(adapter: string, setUp: () => Promise<JobQueueSetUp>): void {
  const jobs = ["git", "curl", "htop"].map((name): Job => ({
    kind: "build",
    key: buildOf(name).key,
  }));

  /** Consumes until `enough` says so, and then until every handler has ended. */
  async function consume(
    queue: JobQueue,
    slots: number,
    handle: (job: Job, attempt: number) => Promise<Handled>,
    enough: () => boolean,
  ): Promise<void> {
    const stop = new AbortController();
    const consuming = queue.consume(slots, handle, stop.signal);
    await expect.poll(enough, { timeout: 15_000, interval: 5 }).toBe(true);
    stop.abort();
    await consuming;
  }

  describe(`the job queue in ${adapter}`, () => {
    it("delivers every job that was published, before or while somebody consumes", async () => {
      await using set = await setUp();
      await set.queue.publish(jobs[0] as Job);
      const seen: Job[] = [];
      const handle = async (job: Job) => {
        seen.push(job);
        return acknowledge;
      };
      const consuming = consume(set.queue, 2, handle, () => seen.length === 3);
      await set.queue.publish(jobs[1] as Job);
      await set.queue.publish(jobs[2] as Job);
      await consuming;
      expect(new Set(seen)).toEqual(new Set(jobs));
    });

    it("hands a job on in the trace it was published in, and one without a trace in a new one", async () => {
      await using set = await setUp();
      const trace = newTrace();
      await inTrace(
        () => trace,
        () => set.queue.publish(jobs[0] as Job),
      );
      await set.queue.publish(jobs[1] as Job);
      const seen = new Map<string, { readonly asked?: Trace; readonly now?: Trace | undefined }>();
      const handle = async (job: Job) => {
        seen.set(job.kind === "build" ? job.key : "", {
          ...(job.trace && { asked: job.trace }),
          now: currentTrace(),
        });
        return acknowledge;
      };
      await consume(set.queue, 1, handle, () => seen.size === 2);
      const [first, second] = ["git", "curl"].map((name) => seen.get(buildOf(name).key));
      expect(first).toMatchObject({ asked: trace, now: { traceId: trace.traceId } });
      expect(first?.now?.spanId).not.toBe(trace.spanId);
      expect(second?.asked).toBeUndefined();
      expect(second?.now?.traceId).toMatch(/^[0-9a-f]{32}$/);
      expect(second?.now?.traceId).not.toBe(trace.traceId);
    });

    it("delivers a job no more once it was acknowledged", async () => {
      await using set = await setUp();
      await set.queue.publish(jobs[0] as Job);
      let first = 0;
      await consume(
        set.queue,
        1,
        async () => ((first += 1), acknowledge),
        () => first === 1,
      );
      await set.queue.publish(jobs[1] as Job);
      const later: Job[] = [];
      await consume(
        set.queue,
        1,
        async (job) => (later.push(job), acknowledge),
        () => later.length === 1,
      );
      expect(later).toEqual([jobs[1]]);
    });

    it(
      "delivers a job again that was returned, or whose handler failed, and counts",
      { timeout: 30_000 },
      async () => {
        await using set = await setUp();
        await set.queue.publish(jobs[0] as Job);
        const attempts: number[] = [];
        const handle = async (_: Job, attempt: number): Promise<Handled> => {
          attempts.push(attempt);
          if (attempt === 1) return { outcome: "return", afterMs: 0 };
          if (attempt === 2) throw new Error("the handler failed");
          return acknowledge;
        };
        await consume(set.queue, 1, handle, () => attempts.length === 3);
        expect(attempts).toEqual([1, 2, 3]);
      },
    );

    it("runs as many handlers at once as there are slots, and no more", async () => {
      await using set = await setUp();
      for (const name of ["a", "b", "c", "d", "e", "f"]) {
        await set.queue.publish({ kind: "build", key: buildOf(name).key });
      }
      let running = 0;
      let most = 0;
      let ended = 0;
      const handle = async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setTimeout(resolve, 30));
        running -= 1;
        ended += 1;
        return acknowledge;
      };
      await consume(set.queue, 2, handle, () => ended === 6);
      expect(most).toBe(2);
    });

    it("waits for the handlers that run when it is told to stop", async () => {
      await using set = await setUp();
      await set.queue.publish(jobs[0] as Job);
      const stop = new AbortController();
      let ended = false;
      await set.queue.consume(
        1,
        async () => {
          stop.abort();
          await new Promise((resolve) => setTimeout(resolve, 50));
          ended = true;
          return acknowledge;
        },
        stop.signal,
      );
      expect(ended).toBe(true);
    });

    it("keeps a job from others until its handler has ended, also while it stops", async () => {
      await using set = await setUp();
      await set.queue.publish(jobs[0] as Job);
      const stop = new AbortController();
      const began = Promise.withResolvers<void>();
      const end = Promise.withResolvers<void>();
      const slow = async () => {
        began.resolve();
        await end.promise;
        return acknowledge;
      };
      const stopping = set.queue.consume(1, slow, stop.signal);
      await began.promise;
      stop.abort();
      const others: Job[] = [];
      const handle = async (job: Job) => (others.push(job), acknowledge);
      const consuming = consume(set.queue, 1, handle, () => others.length > 0);
      await new Promise((resolve) => setTimeout(resolve, 300));
      end.resolve();
      await stopping;
      await set.queue.publish(jobs[1] as Job);
      await consuming;
      expect(others).toEqual([jobs[1]]);
    });

    it("begins nothing when it was told to stop before", async () => {
      await using set = await setUp();
      await set.queue.publish(jobs[0] as Job);
      let begun = 0;
      const handle = async () => ((begun += 1), acknowledge);
      await set.queue.consume(1, handle, AbortSignal.abort());
      expect(begun).toBe(0);
      await consume(set.queue, 1, handle, () => begun === 1);
    });

    it("delivers jobs of each kind as they were published", async () => {
      await using set = await setUp();
      const published: Job[] = [
        jobs[0] as Job,
        { kind: "pin", pinId: JSON.stringify(["nixpkgs", "https://example.com/ü.git", null]) },
      ];
      for (const job of published) await set.queue.publish(job);
      const seen: Job[] = [];
      const handle = async (job: Job) => (seen.push(job), acknowledge);
      await consume(set.queue, 2, handle, () => seen.length === 2);
      expect(new Set(seen)).toEqual(new Set(published));
    });
  });
}
