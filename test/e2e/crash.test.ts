import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { startFirn, type Firn } from "../support/firn.ts";
import { writeUnbuiltPackageSet } from "../support/package-set.ts";
import { descendantsOf, stillAlive, type Process } from "../support/processes.ts";
import { pull } from "../support/pull.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const stopMs = 8000;

/** Moments in the life of a build, each with a package that spends seconds in it. */
const moments = [
  { moment: "as soon as the job is published", name: "hello", phase: undefined },
  { moment: "while it evaluates", name: "ponders", phase: "evaluating" },
  { moment: "while Nix builds", name: "slow", phase: "realising" },
  { moment: "while it packs", name: "bulky", phase: "packing" },
] as const;

/** Asks for an image and lets the pull be: what comes of it is seen in the status. */
function ask(firn: Firn, name: string): void {
  firn.manifest(name).catch(() => undefined);
}

async function untilPhase(firn: Firn, name: string, phase: string | undefined): Promise<void> {
  await eventually(`${name} is ${phase ?? "asked for"}`, async () => {
    const build = await firn.build(name);
    return phase === undefined ? build !== undefined : build?.progress?.phase === phase;
  });
}

async function untilReady(firn: Firn, name: string): Promise<void> {
  await eventually(
    `${name} is built`,
    async () => (await firn.build(name))?.state === "ready",
    60_000,
  );
}

/** Files among the visible blobs whose bytes do not have the digest that they are called by. */
async function damagedBlobs(data: string): Promise<readonly string[]> {
  const folder = join(data, "blobs", "sha256");
  const damaged: string[] = [];
  for (const name of await readdir(folder)) {
    const hash = createHash("sha256");
    await pipeline(createReadStream(join(folder, name)), hash);
    if (hash.digest("hex") !== name) damaged.push(name);
  }
  return damaged;
}

describe("kill -9", () => {
  test.for(moments)(
    "$moment: the next start finishes the build by itself",
    async ({ name, phase }) => {
      await using folder = await temporaryFolder();
      const packageSet = await writeUnbuiltPackageSet(folder.path);
      const data = join(folder.path, "data");
      // What it had started outlives it, as it does where nobody cleans up, and is in the way of the next one.
      await using killed = await startFirn({ data, packageSet });
      ask(killed, name);
      await untilPhase(killed, name, phase);
      expect((await killed.kill()).signal).toBe("SIGKILL");
      expect(await damagedBlobs(data)).toEqual([]);

      await using firn = await startFirn({ data, packageSet });
      await untilReady(firn, name);
      expect((await firn.build(name))?.attempt).toBe(1);
      expect(await readdir(join(data, "staging"))).toEqual([]);
      expect(await readdir(join(data, "roots", "builds"))).toEqual([]);
      expect(await damagedBlobs(data)).toEqual([]);
      await pull(firn, name);
    },
  );

  test("three times in a row, at any moment, and the image is still built", async () => {
    await using folder = await temporaryFolder();
    const packageSet = await writeUnbuiltPackageSet(folder.path);
    const data = join(folder.path, "data");
    await using all = new AsyncDisposableStack();
    for (const phase of ["evaluating", "realising", "packing"]) {
      const killed = all.use(await startFirn({ data, packageSet }));
      if ((await killed.build("bulky")) === undefined) ask(killed, "bulky");
      await untilPhase(killed, "bulky", phase);
      await killed.kill();
      expect(await damagedBlobs(data)).toEqual([]);
    }
    await using firn = await startFirn({ data, packageSet });
    await untilReady(firn, "bulky");
    await pull(firn, "bulky");
  });
});

describe("Ctrl-C in the middle of a build", () => {
  // A terminal tells the whole process group, `kill -INT` the process alone.
  const senders = [
    { sender: "a terminal", interrupt: (pid: number) => process.kill(-pid, "SIGINT") },
    { sender: "kill -INT", interrupt: (pid: number) => process.kill(pid, "SIGINT") },
    { sender: "kill -TERM", interrupt: (pid: number) => process.kill(pid, "SIGTERM") },
  ];

  test.for(senders)(
    "from $sender: ends within eight seconds with all it had started",
    async ({ interrupt }) => {
      await using folder = await temporaryFolder();
      const packageSet = await writeUnbuiltPackageSet(folder.path);
      const data = join(folder.path, "data");
      const findSleep = (started: readonly Process[]) =>
        started.find(({ command }) => command === "sleep 600");
      {
        await using firn = await startFirn({ data, packageSet, inOwnGroup: true });
        const held = firn.manifest("slowest");
        const started = await eventually("the builder runs", () => {
          const found = descendantsOf(firn.pid);
          return findSleep(found) && found;
        });
        const before = performance.now();
        interrupt(firn.pid);
        // The pull that was held is sent on: the next firn answers it.
        const sent = await held;
        expect(sent.status).toBe(307);
        expect(await firn.exited).toEqual({ code: 0, signal: null });
        expect(performance.now() - before).toBeLessThan(stopMs);
        expect(stillAlive(started)).toEqual([]);
        expect(await readdir(join(data, "staging"))).toEqual([]);
      }
      await using firn = await startFirn({ data, packageSet });
      await eventually("the build goes on", () => findSleep(descendantsOf(firn.pid)));
      expect(await firn.build("slowest")).toMatchObject({ state: "building", attempt: 1 });
    },
  );

  test.for(moments.slice(1))(
    "$moment: ends within eight seconds, and the next start goes on",
    async ({ name, phase }) => {
      await using folder = await temporaryFolder();
      const packageSet = await writeUnbuiltPackageSet(folder.path);
      const data = join(folder.path, "data");
      {
        await using firn = await startFirn({ data, packageSet });
        ask(firn, name);
        await untilPhase(firn, name, phase);
        const started = descendantsOf(firn.pid);
        const before = performance.now();
        expect(await firn.stop()).toEqual({ code: 0, signal: null });
        expect(performance.now() - before).toBeLessThan(stopMs);
        expect(stillAlive(started)).toEqual([]);
        expect(await readdir(join(data, "staging"))).toEqual([]);
      }
      await using firn = await startFirn({ data, packageSet });
      await untilReady(firn, name);
    },
  );
});
