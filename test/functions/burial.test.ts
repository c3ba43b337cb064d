import { expect, it } from "vitest";
import { createBurial } from "../../functions/burial.ts";
import { createWaiting } from "../../functions/waiting.ts";
import { buildOf, ready } from "../support/builds.ts";
import { stores } from "../support/stores.ts";

const git = buildOf("git");
const job = { kind: "build", key: git.key } as const;

it("who waits for a build that kills every worker is told, and the next pull starts it again", async () => {
  await using set = await stores();
  const bury = createBurial({ cache: set.cache, log: set.write });
  await set.cache.request(git, "pull");
  await set.cache.claim(git.key, "killed", 60_000);
  set.advance(61_000);
  using wait = createWaiting(set.cache, set.queues.pull, set.write).join(git.key);
  const settled = wait.settled(AbortSignal.timeout(10_000));
  await bury(job);
  expect(await settled).toMatchObject({
    state: "failed",
    failure: {
      reason: "service",
      message: expect.stringMatching(/^every worker that took this build failed/) as string,
    },
  });
  expect(await set.cache.request(git, "pull")).toMatchObject({ outcome: "created" });
});

it("a message that died too late changes nothing", async () => {
  await using set = await stores();
  const bury = createBurial({ cache: set.cache, log: set.write });
  await bury(job);
  expect(await set.cache.read(git.key)).toBeUndefined();
  await set.cache.request(git, "pull");
  await set.settle(git.key, ready("git"));
  await bury(job);
  expect(await set.cache.read(git.key)).toMatchObject({ state: "ready" });
  expect(set.log).toEqual([]);
});

it("a look-up that died is said, and needs nothing else", async () => {
  await using set = await stores();
  await createBurial({ cache: set.cache, log: set.write })({ kind: "pin", pinId: "main" });
  expect(set.log).toEqual([expect.stringMatching(/^ERROR a look-up .* was delivered too often/)]);
});
