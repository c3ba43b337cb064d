import { describe, expect, test } from "vitest";
import { needEmulators } from "../support/emulators.ts";
import { eventually } from "../support/eventually.ts";
import { evaluations, startFaultyCloud } from "../support/faulty-cloud.ts";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { needRoot } from "../support/need.ts";
import { program } from "../support/program.ts";

needEmulators();

describe("a worker that is killed", () => {
  test.for([
    ["evaluates", "ponders", "evaluating"],
    ["has Nix build", "slow", "realising"],
    ["packs", "bulky", "packing"],
  ] as const)("while it %s is followed by another one", async ([, name, phase]) => {
    await using set = await startFaultyCloud();
    await using killed = await set.cloud.startWorker();
    const waiting = set.ask(name);
    await set.untilPhase(name, phase);
    killed.kill("SIGKILL");
    await using _other = await set.cloud.startWorker();
    await waiting;
    await set.expectServed(name);
    expect((await set.registry.build(name))?.attempt).toBe(1);
  });

  test("by SIGTERM gives its build back within eight seconds, and the next one goes on at once", async () => {
    await using set = await startFaultyCloud();
    await using stopped = await set.cloud.startWorker();
    const waiting = set.ask("slow");
    await set.untilPhase("slow", "realising");
    const before = performance.now();
    stopped.kill("SIGTERM");
    expect(await stopped.exited).toBe(0);
    expect(performance.now() - before).toBeLessThan(8000);
    expect((await set.registry.build("slow"))?.state).toBe("queued");
    await using _other = await set.cloud.startWorker();
    await waiting;
    await set.expectServed("slow");
  });
});

test("a worker that is frozen beyond its lease overwrites nothing when it wakes", async () => {
  await using set = await startFaultyCloud();
  await using frozen = await set.cloud.startWorker();
  const waiting = set.ask("slow");
  await set.untilPhase("slow", "realising");
  frozen.kill("SIGSTOP");
  await using other = await set.cloud.startWorker();
  await waiting;
  const digest = (await set.registry.build("slow"))?.digest;
  expect(evaluations("slow", other)).toBe(1);
  frozen.kill("SIGCONT");
  await eventually("it notices", () =>
    frozen.log.some(({ message }) => /lease was lost|went to somebody else/.test(message)),
  );
  await set.expectServed("slow");
  expect((await set.registry.build("slow"))?.digest).toBe(digest);
  expect(frozen.log.some(({ message }) => message.includes("is ready after"))).toBe(false);
});

test("a job that is delivered twenty times to two workers is built once", async () => {
  await using set = await startFaultyCloud();
  await using one = await set.cloud.startWorker();
  await using two = await set.cloud.startWorker();
  const waiting = set.ask("slow");
  await set.untilPhase("slow", "building");
  await Promise.all(Array.from({ length: 20 }, () => set.publishAgain("slow")));
  await waiting;
  await set.expectServed("slow");
  expect(evaluations("slow", one, two)).toBe(1);
});

test("clocks that are five seconds fast and slow change nothing", async () => {
  await using set = await startFaultyCloud();
  const skewed = (ms: number) => ({
    // Ten seconds between the two: a lease has to be longer than that, as the usual one of a minute is.
    FIRN_LEASE_SECONDS: "20",
    NODE_OPTIONS: `--import "data:text/javascript,const real=Date.now;Date.now=()=>real()+(${ms})"`,
  });
  await using ahead = await set.cloud.startWorker(skewed(5000));
  await using behind = await set.cloud.startWorker(skewed(-5000));
  const waiting = set.ask("slow");
  await set.untilPhase("slow", "building");
  for (let i = 0; i < 6; i++) {
    await set.publishAgain("slow");
    await sleep(500);
  }
  await waiting;
  await set.expectServed("slow");
  expect(evaluations("slow", ahead, behind)).toBe(1);
});

test("a worker whose disk is full says so, and goes on when there is room", async (context) => {
  await using set = await startFaultyCloud();
  needRoot(context);
  const data = join(set.folder, "small");
  await mkdir(data);
  const options = ["-t", "tmpfs", "-o", "nr_inodes=2", "tmpfs", data];
  const mounted = await program("mount", options, { mayFail: true });
  context.skip(mounted.exitCode !== 0, `no small disk to fill: ${mounted.all}`);
  try {
    await using _worker = await set.cloud.startWorker({ FIRN_DATA: data });
    const refused = await set.registry.manifest("hello");
    expect(refused.status).toBe(503);
    expect(await refused.text()).toMatch(/no space left on device/i);
    await program("mount", ["-o", "remount,nr_inodes=1000", data]);
    await set.expectServed("hello");
  } finally {
    await program("umount", ["--lazy", data]);
  }
});
