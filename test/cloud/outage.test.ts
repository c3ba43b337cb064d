import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { startCloud } from "../support/cloud.ts";
import { clientOf } from "../support/cloud-client.ts";
import { freshProject, needEmulators } from "../support/emulators.ts";
import { createRepository } from "../support/nixpkgs.ts";
import { descendantsOf } from "../support/processes.ts";
import { pull } from "../support/pull.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { startEmulators } from "../../infra/local/emulators.ts";

needEmulators();

// A repository, as deployments have: where a folder stands would have to be asked again every second.
test.for(["Firestore", "Pub/Sub"] as const)(
  "while %s is away warm images are served, others are told so, and afterwards all goes on",
  async (service) => {
    const { HOME = "", PATH = "" } = process.env;
    await using emulators = await startEmulators({ HOME, PATH });
    await using folder = await temporaryFolder();
    const repository = await createRepository(folder.path);
    await repository.commit("main");
    await using cloud = await startCloud({
      emulators,
      project: freshProject(),
      packageSet: `git+file://${repository.path}`,
      // Stale at once.
      env: { FIRN_PIN_SECONDS: "1" },
      workers: 1,
      withAll: false,
      workerEnv: { FIRN_NIX_CONFIG: "sandbox = false; substituters =" },
    });
    const [first] = cloud.registries;
    if (first === undefined) throw new Error("no registry was started");
    const registry = clientOf(first);
    const { digest } = await pull(registry, "hello");
    const warm = async () => [
      (await registry.manifest("hello")).status,
      (await registry.manifest("hello", digest)).status,
    ];
    expect(await warm()).toEqual([200, 200]);

    const host = { Firestore: emulators.firestore, "Pub/Sub": emulators.pubsub }[service];
    const emulator = descendantsOf(process.pid).find(({ command }) =>
      command.includes(`--port=${host.split(":")[1]}`),
    );
    if (emulator === undefined) throw new Error(`the emulator of ${service} is nobody's child`);
    process.kill(emulator.pid, "SIGSTOP");
    try {
      await sleep(2000);
      const before = performance.now();
      for (let i = 0; i < 10; i++) expect(await warm()).toEqual([200, 200]);
      // Long before what the libraries themselves would wait.
      expect(performance.now() - before).toBeLessThan(9000);
      expect((await registry.manifest("base")).status).toBe(503);
      expect(performance.now() - before).toBeLessThan(40_000);
    } finally {
      process.kill(emulator.pid, "SIGCONT");
    }
    await expect
      .poll(async () => (await registry.manifest("base")).status, {
        timeout: 60_000,
        interval: 1000,
      })
      .toBe(200);
    await pull(registry, "base");
  },
);
