import { expect } from "vitest";
import { parseBuildKey } from "../../core/build-key.ts";
import { encodeJob } from "../../core/job-message.ts";
import { startCloud } from "./cloud.ts";
import { clientOf } from "./cloud-client.ts";
import { emulatorHosts, freshProject } from "./emulators.ts";
import { eventually } from "./eventually.ts";
import { writeUnbuiltPackageSet } from "./package-set.ts";
import { pull } from "./pull.ts";
import { temporaryFolder } from "./temporary-folder.ts";
import type { WorkerProcess } from "./worker.ts";

/**
 * A deployment for one fault, without workers yet, whose packages nobody has built: a folder, if not said. Its project is
 * its own: the emulator goes on dealing messages to a client that was killed.
 */
export async function startFaultyCloud(writePackageSet = writeUnbuiltPackageSet) {
  await using resources = new AsyncDisposableStack();
  const folder = resources.use(await temporaryFolder());
  const cloud = resources.use(
    await startCloud({
      emulators: emulatorHosts(),
      project: freshProject(),
      packageSet: await writePackageSet(folder.path),
      workers: 0,
      withAll: false,
      workerEnv: { FIRN_NIX_CONFIG: "sandbox = false; substituters =", FIRN_LEASE_SECONDS: "6" },
    }),
  );
  const [first] = cloud.registries;
  if (first === undefined) throw new Error("no registry was started");
  const registry = clientOf(first);
  const all = resources.move();

  async function untilPhase(name: string, phase: string): Promise<void> {
    await eventually(
      `${name} is ${phase}`,
      async () => {
        const build = await registry.build(name);
        const isThere = phase === "building" || build?.progress?.phase === phase;
        return build?.state === "building" && isThere;
      },
      60_000,
    );
  }

  return {
    cloud,
    registry,
    folder: folder.path,
    untilPhase,
    /** Asks for an image and lets the pull be: it waits, as others do, and looks after the build. */
    ask: (name: string): Promise<unknown> => registry.manifest(name).catch(() => undefined),
    /** Delivers the job of a build once more. */
    async publishAgain(name: string): Promise<void> {
      const key = parseBuildKey((await registry.build(name))?.key ?? "");
      if (key === undefined) throw new Error(`nobody asked for ${name}`);
      await cloud.publish("jobs", encodeJob({ kind: "build", key }).data);
    },
    /** After each fault: the image is served, its layers are what they are called, and no record is stuck. */
    async expectServed(name: string): Promise<void> {
      const { digest } = await pull(registry, name);
      expect((await registry.build(name))?.digest).toBe(digest);
      const states = (await registry.builds()).map(({ state }) => state);
      expect(states.filter((state) => state !== "ready" && state !== "failed")).toEqual([]);
    },
    [Symbol.asyncDispose]: async () => await all.disposeAsync(),
  };
}

/** How often workers began to evaluate an image. */
export function evaluations(name: string, ...workers: readonly WorkerProcess[]): number {
  const lines = workers.flatMap(({ log }) => log);
  return lines.filter(({ message }) => message.startsWith(`amd64/${name}: evaluating: `)).length;
}
