import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import { failed, ready } from "../support/builds.ts";
import { recordingLog } from "../support/recording-log.ts";
import { testRegistry, type TestWorker } from "../support/registry.ts";
import { currentTrace, type Trace } from "../../core/trace.ts";

const path = "/v2/git/manifests/latest";
const build = async () => ready("git");

/** A registry, what it says of pulls, and the trace that it says each in. */
async function listened(worker: TestWorker) {
  const { log, events } = recordingLog();
  const traces: (Trace | undefined)[] = [];
  const registry = await testRegistry({
    ...worker,
    onLog: (...line) => {
      if (line[2]?.["event"] === "pull") traces.push(currentTrace());
      log(...line);
    },
  });
  const pulls = () =>
    events.flatMap(({ fields }) => (fields?.["event"] === "pull" ? [fields] : []));
  const ask: typeof registry.ask = async (...asked) => {
    const answer = await registry.ask(...asked);
    // Lines are written once the answers are out.
    await setImmediate();
    return answer;
  };
  return {
    registry: { ...registry, ask },
    traces,
    pulls,
    outcomes: () => pulls().map(({ outcome }) => outcome),
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  };
}

it("a cold pull is said once, with what it asked for, and a warm one not at all", async () => {
  await using set = await listened({ build });
  await set.registry.ask(path, { method: "HEAD", headers: { "user-agent": "docker/28" } });
  await set.registry.ask(path);
  await set.registry.ask("/v2/");
  const [record] = await set.registry.cache.recent(1);
  expect(set.pulls()).toEqual([
    {
      event: "pull",
      outcome: "served",
      seconds: expect.any(Number) as number,
      keys: [record?.key],
      httpRequest: {
        requestMethod: "HEAD",
        requestUrl: path,
        status: 200,
        userAgent: "docker/28",
        latency: expect.stringMatching(/^[\d.]+s$/) as string,
      },
    },
  ]);
});

it("who joins a build says its own trace, and the key of the build", async () => {
  await using set = await listened({ build });
  const ids = ["1", "2"].map((digit) => digit.repeat(32));
  await Promise.all(
    ids.map(async (id) => {
      const traceparent = `00-${id}-${"3".repeat(16)}-00`;
      await set.registry.ask(path, { trace: { traceparent } });
    }),
  );
  expect(new Set(set.traces.map((trace) => trace?.traceId))).toEqual(new Set(ids));
  const [one, other] = set.pulls();
  expect(one?.["keys"]).toHaveLength(1);
  expect(other?.["keys"]).toEqual(one?.["keys"]);
  // The job is of the trace of whoever asked first.
  expect(ids).toContain(set.registry.jobs.find(({ kind }) => kind === "build")?.trace?.traceId);
});

it("what the asker did wrong is refused, and what firn did wrong has failed", async () => {
  await using wrong = await listened({ build: async () => failed() });
  await wrong.registry.ask(path);
  await wrong.registry.ask("/v2/Upper/manifests/latest");
  expect(wrong.outcomes()).toEqual(["refused"]);
  await using ours = await listened({ build: async () => failed({ reason: "service" }) });
  await ours.registry.ask(path);
  expect(ours.outcomes()).toEqual(["failed"]);
});

it("a pull that is held long enough is sent round, at the end away, and who hangs up is gone", async () => {
  await using set = await listened({ holdMs: 20, deaf: true });
  await set.registry.ask(path);
  await set.registry.ask(`${path}?wait=9`);
  const signal = AbortSignal.timeout(1);
  await set.registry.ask(path, { signal });
  expect(set.outcomes()).toEqual(["sent-round", "sent-away", "gone"]);
});
