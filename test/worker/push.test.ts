import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { encodeJob } from "../../core/job-message.ts";
import { currentTrace, newTrace, type Trace } from "../../core/trace.ts";
import { acknowledge, job, pushOf, servePush, wanted } from "../support/push.ts";

describe("a job that is pushed", () => {
  it("is acknowledged when its handler says so", async () => {
    await using set = await servePush();
    const response = await set.post(wanted);
    expect([response.status, await response.text()]).toEqual([204, ""]);
    expect(set.jobs).toEqual([{ job, attempt: 1 }]);
    expect(set.events).toEqual([]);
  });

  it("says how often it was delivered, where Pub/Sub counts", async () => {
    await using set = await servePush();
    await set.post(pushOf(encodeJob(job).data, { deliveryAttempt: 4 }));
    expect(set.jobs).toEqual([{ job, attempt: 4 }]);
  });

  it("is worked on in the trace it was published in", async () => {
    const seen: (Trace | undefined)[] = [];
    await using set = await servePush({
      handlerFor: () => async () => {
        seen.push(currentTrace());
        return acknowledge;
      },
    });
    const trace = newTrace();
    await set.post(pushOf(encodeJob({ ...job, trace }).data));
    expect(seen).toMatchObject([{ traceId: trace.traceId }]);
  });

  it("comes again when it is returned", async () => {
    await using set = await servePush({
      handlerFor: () => async () => ({ outcome: "return", afterMs: 2500 }),
    });
    const response = await set.post(wanted);
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "3"]);
    expect(await response.json()).toEqual({ error: "the job was not done" });
  });

  it("comes again when its handler fails", async () => {
    await using set = await servePush({
      handlerFor: () => async () => {
        throw new Error("out of luck");
      },
    });
    expect((await set.post(wanted)).status).toBe(503);
    expect(set.events).toMatchObject([
      { severity: "ERROR", message: "a job comes back: out of luck" },
    ]);
  });

  it("is given up when its time is over, and comes again", async () => {
    await using set = await servePush({
      budgetMs: 100,
      handlerFor: (signal) => async () => {
        await once(signal, "abort");
        return { outcome: "return", afterMs: 0 };
      },
    });
    expect((await set.post(wanted)).status).toBe(503);
    expect(set.events).toEqual([]);
  });

  it("comes again, and keeps its slot, when its handler does not heed that", async () => {
    const gate = Promise.withResolvers<void>();
    await using set = await servePush({
      slots: 1,
      budgetMs: 50,
      graceMs: 50,
      handlerFor: () => async () => {
        await gate.promise;
        return acknowledge;
      },
    });
    expect((await set.post(wanted)).status).toBe(503);
    expect(set.events).toMatchObject([{ severity: "ERROR" }]);
    expect((await set.post(wanted)).status).toBe(429);
    gate.resolve();
    expect((await set.post(wanted)).status).toBe(204);
  });
});

it("as many jobs run at once as there are slots, and more are told to come back", async () => {
  const gate = Promise.withResolvers<void>();
  await using set = await servePush({
    handlerFor: () => async () => {
      await gate.promise;
      return acknowledge;
    },
  });
  const first = [set.post(wanted), set.post(wanted)];
  await expect.poll(() => set.jobs.length).toBe(2);
  expect((await set.post(wanted)).status).toBe(429);
  expect(set.jobs.length).toBe(2);
  gate.resolve();
  expect((await Promise.all(first)).map(({ status }) => status)).toEqual([204, 204]);
  expect((await set.post(wanted)).status).toBe(204);
});

it("a worker that stops begins nothing, and ends what it began", async () => {
  await using set = await servePush({
    handlerFor: (signal) => async () => {
      await once(signal, "abort");
      await sleep(50);
      return { outcome: "return", afterMs: 0 };
    },
  });
  const first = set.post(wanted);
  await expect.poll(() => set.jobs.length).toBe(1);
  set.stopping.abort();
  expect((await set.post(wanted)).status).toBe(503);
  expect((await first).status).toBe(503);
  expect(set.jobs.length).toBe(1);
});

const noJobs: readonly (readonly [string, string, string, string])[] = [
  ["not JSON", "hello", "hello", "it is not what Pub/Sub pushes"],
  ["a list", "[]", "[]", "it is not what Pub/Sub pushes"],
  ["without a message", "{}", "{}", "it is not what Pub/Sub pushes"],
  [
    "without data",
    '{"message":{"messageId":"7"}}',
    '{"message":{"messageId":"7"}}',
    "it has no data",
  ],
  [
    "of a later version",
    pushOf(Buffer.from('{"v":2}')),
    '{"v":2}',
    "its version is 2, and this worker knows 1",
  ],
  [
    "of another kind",
    pushOf(Buffer.from('{"v":1,"kind":"x"}')),
    '{"v":1,"kind":"x"}',
    'its kind is "x", which is none of "build", "pin" and "plan"',
  ],
  [
    "too large",
    pushOf(Buffer.alloc(5000)),
    "\0".repeat(5000),
    "it has 5000 bytes, and a job has 4096 at the most",
  ],
];

it.each(noJobs)(
  "a push that is %s is set aside and does not come again",
  async (_, body, data, reason) => {
    await using set = await servePush();
    expect((await set.post(body)).status).toBe(204);
    expect(set.letters.map((letter) => Buffer.from(letter.data).toString())).toEqual([data]);
    expect(set.letters[0]?.reason).toBe(reason);
    expect(set.events).toMatchObject([
      { severity: "ERROR", message: `a message that was pushed is not a job: ${reason}` },
    ]);
    expect(set.jobs).toEqual([]);
  },
);

it("of a push that is far too large no more than a megabyte is kept", async () => {
  await using set = await servePush();
  expect((await set.post("x".repeat(3_000_000))).status).toBe(204);
  expect(set.letters.map(({ data }) => data.length)).toEqual([1024 * 1024]);
  expect(set.letters[0]?.reason).toBe("it came in 3000000 bytes, and 1048576 are the limit");
});

it("a push that cannot be set aside comes again", async () => {
  await using set = await servePush({
    bury: async () => {
      throw new Error("no topic");
    },
  });
  expect((await set.post("hello")).status).toBe(503);
});
