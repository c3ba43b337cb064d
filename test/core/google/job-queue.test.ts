import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Handled, Job } from "../../../core/ports.ts";
import { jobQueueContract } from "../../contract/job-queue.ts";
import { buildOf } from "../../support/builds.ts";
import { needEmulators } from "../../support/emulators.ts";
import { eventually } from "../../support/eventually.ts";
import { startConsumer } from "../../support/consumer.ts";
import { openQueue } from "../../support/pubsub.ts";

needEmulators();
jobQueueContract("Pub/Sub", openQueue);

const [git, curl] = ["git", "curl"].map((name): Job => ({
  kind: "build",
  key: buildOf(name).key,
})) as [Job, Job];
const acknowledge: Handled = { outcome: "acknowledge" };

/** Consumes until the test lets go of it, and keeps what it saw. */
function consumer(
  { queue }: Awaited<ReturnType<typeof openQueue>>,
  slots: number,
  handle: (job: Job, attempt: number) => Promise<Handled> = async () => acknowledge,
) {
  const stop = new AbortController();
  const seen: { job: Job; attempt: number; at: number }[] = [];
  const consuming = queue.consume(
    slots,
    async (job, attempt) => {
      seen.push({ job, attempt, at: performance.now() });
      return await handle(job, attempt);
    },
    stop.signal,
  );
  const end = async () => {
    stop.abort();
    await consuming;
  };
  return { seen, stop, consuming, end, [Symbol.asyncDispose]: end };
}

const poison: readonly (readonly [string, Uint8Array, string])[] = [
  ["is not JSON", Buffer.from("hello"), "it is not a JSON object in UTF-8"],
  ["is not UTF-8", Uint8Array.of(0xff, 0xfe), "it is not a JSON object in UTF-8"],
  [
    "is of a version to come",
    Buffer.from('{"v":9,"kind":"build"}'),
    "its version is 9, and this worker knows 1",
  ],
  [
    "is too large",
    Buffer.alloc(1_000_000, "x"),
    "it has 1000000 bytes, and a job has 4096 at the most",
  ],
];

describe.concurrent("jobs in Pub/Sub", () => {
  it.each(poison)(
    "a message that %s is set aside and never handed out",
    async (_, data, reason) => {
      await using set = await openQueue();
      await using worker = consumer(set, 1);
      await set.publishRaw(data);
      await set.queue.publish(git);
      await eventually("the job behind it", () => worker.seen.length > 0);
      const letters = await eventually("the dead letter", async () => {
        const found = await set.deadLetters();
        return found.length > 0 && found;
      });
      expect(letters.map(({ text }) => text)).toEqual([Buffer.from(data).toString()]);
      expect(letters[0]?.attributes["reason"]).toBe(reason);
      // Had it come back, it would have within a second.
      await sleep(1500);
      expect(worker.seen.map(({ job }) => job)).toEqual([git]);
      expect(set.events).toMatchObject([
        { severity: "ERROR", message: `a message in firn-jobs-pull is not a job: ${reason}` },
      ]);
    },
  );

  it("a message that cannot be set aside is not lost", async () => {
    await using set = await openQueue({ deadLetters: "no-such-topic" });
    await using worker = consumer(set, 1);
    await set.publishRaw(Buffer.from("hello"));
    const failures = () => set.events.filter(({ message }) => message.startsWith("could not set"));
    await eventually("the message to come again", () => failures().length >= 2);
    expect(worker.seen).toEqual([]);
  });

  it("a message that is no job is only logged where there is no topic for them", async () => {
    await using set = await openQueue({ deadLetters: undefined });
    await using worker = consumer(set, 1);
    await set.publishRaw(Buffer.from("hello"));
    await eventually("the event", () => set.events.length > 0);
    await sleep(1500);
    expect(set.events.length).toBe(1);
    expect(worker.seen).toEqual([]);
  });

  it("a job whose worker was killed comes to another when its deadline is over", async () => {
    await using set = await openQueue({ ackDeadlineSeconds: 10 });
    await set.queue.publish(git);
    await using doomed = await startConsumer(set.host, set.projectId, 10);
    doomed.kill();
    // The emulator goes on dealing to the stream of the dead, one deadline each time: many others make that rare.
    const workers = Array.from({ length: 9 }, () => consumer(set, 1));
    const seen = () => workers.flatMap((worker) => worker.seen);
    await eventually("the job", () => seen().length > 0, 50_000);
    await Promise.all(workers.map((worker) => worker.end()));
    expect(seen().map(({ job }) => job)).toEqual([git]);
    expect(seen()[0]?.attempt).toBeGreaterThan(1);
  });

  it("a job whose handler takes longer than the deadline is delivered once", async () => {
    await using set = await openQueue({ ackDeadlineSeconds: 10 });
    await set.queue.publish(git);
    await using slow = consumer(set, 1, async () => {
      await sleep(11_500);
      return acknowledge;
    });
    await eventually("the job", () => slow.seen.length > 0);
    await using other = consumer(set, 1);
    await sleep(13_000);
    expect([slow.seen.length, other.seen.length]).toEqual([1, 0]);
  });

  it("a job that was published twice is delivered twice", async () => {
    await using set = await openQueue();
    await set.queue.publish(git);
    await set.queue.publish(git);
    await using worker = consumer(set, 2);
    await eventually("both", () => worker.seen.length === 2);
    await sleep(1500);
    expect(worker.seen.map(({ job }) => job)).toEqual([git, git]);
  });

  it("a job that is returned for later comes back then, and at once when its worker stops", async () => {
    await using set = await openQueue();
    await set.queue.publish(git);
    const late = consumer(set, 1, async (_, attempt) => ({
      outcome: "return",
      afterMs: attempt === 1 ? 1500 : 600_000,
    }));
    await eventually("the second attempt", () => late.seen.length === 2);
    const [first, second] = late.seen;
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(1450);
    await late.end();
    await using worker = consumer(set, 1);
    await eventually("the third attempt", () => worker.seen.length > 0);
  });

  it("jobs that arrive while a worker ends its last handler are left to others", async () => {
    await using set = await openQueue();
    const gate = Promise.withResolvers<void>();
    const stopping = consumer(set, 3, async () => {
      await gate.promise;
      return acknowledge;
    });
    await set.queue.publish(git);
    await eventually("the first", () => stopping.seen.length > 0);
    stopping.stop.abort();
    await set.queue.publish(curl);
    await sleep(500);
    gate.resolve();
    await stopping.consuming;
    await using worker = consumer(set, 1);
    await eventually("the second", () => worker.seen.length > 0);
    expect(stopping.seen.map(({ job }) => job)).toEqual([git]);
    expect(worker.seen.map(({ job }) => job)).toEqual([curl]);
  });

  it("consuming ends with an error where there is no such subscription", async () => {
    await using set = await openQueue({ subscription: "no-such-subscription" });
    const { consuming } = consumer(set, 1);
    await expect(consuming).rejects.toThrow(/not exist|NOT_FOUND/i);
  });

  it("publishing fails where there is no such topic", async () => {
    await using set = await openQueue({ topic: "no-such-topic" });
    await expect(set.queue.publish(git)).rejects.toThrow(/not found/i);
  });

  it("a job that fails again and again ends among the dead letters", async () => {
    await using set = await openQueue();
    await using worker = consumer(set, 1, async () => {
      throw new Error("out of luck");
    });
    await set.queue.publish(git);
    const [letter] = await eventually("the dead letter", async () => {
      const found = await set.deadLetters();
      return found.length > 0 && found;
    });
    expect(letter?.attributes).toMatchObject({ kind: "build", v: "1" });
    expect(worker.seen.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });
});
