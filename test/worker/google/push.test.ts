import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { createGoogleJobQueue } from "../../../core/google/job-queue.ts";
import { connectPubsub } from "../../../core/google/pubsub.ts";
import { topicNames } from "../../../core/google/topics.ts";
import type { Handled } from "../../../core/ports.ts";
import { provision } from "../../../infra/local/provision.ts";
import { createPush } from "../../../worker/push.ts";
import { buildOf } from "../../support/builds.ts";
import { emulatorHosts, freshProject, needEmulators } from "../../support/emulators.ts";
import { eventually } from "../../support/eventually.ts";
import { recordingLog } from "../../support/recording-log.ts";

needEmulators();

it("jobs that are published reach the worker that is pushed to, again when it returned them", async () => {
  const { log, events } = recordingLog();
  const seen: string[] = [];
  const outcomes: Handled[] = [{ outcome: "return", afterMs: 0 }];
  const listener = createPush(
    {
      slots: 2,
      check: "anybody",
      bury: async () => undefined,
      log,
      handlerFor: () => async (job) => {
        seen.push(JSON.stringify(job));
        return outcomes.shift() ?? { outcome: "acknowledge" };
      },
    },
    new AbortController().signal,
  );
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const { pubsub: host } = emulatorHosts();
  const projectId = freshProject();
  const retry = { least: 0, most: 1 };
  const push = { jobs: `http://127.0.0.1:${port}/` };
  await provision({ pubsub: host, projectId, push, retry });
  await using pubsub = connectPubsub({ projectId, apiEndpoint: host });
  const queue = createGoogleJobQueue({ pubsub, topic: topicNames("firn").jobs, log });
  const jobs = ["git", "curl"].map((name) => ({ kind: "build", key: buildOf(name).key }) as const);
  try {
    for (const job of jobs) await queue.publish(job);
    await eventually("three deliveries", () => seen.length === 3);
    const deliveries = jobs.map(
      (job) => seen.filter((each) => each === JSON.stringify(job)).length,
    );
    expect(new Set(deliveries)).toEqual(new Set([1, 2]));
    expect(events).toEqual([]);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
