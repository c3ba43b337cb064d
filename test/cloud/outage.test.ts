import { expect, test } from "vitest";
import { startCloud } from "../support/cloud.ts";
import { clientOf } from "../support/cloud-client.ts";
import { freshProject, needEmulators } from "../support/emulators.ts";
import { writeUnbuiltPackageSet } from "../support/package-set.ts";
import { descendantsOf } from "../support/processes.ts";
import { problemOf, pull } from "../support/pull.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { startEmulators } from "../../infra/local/emulators.ts";

needEmulators();

test("while Firestore is away warm images are served, others are told so, and afterwards all goes on", async () => {
  const { HOME = "", PATH = "" } = process.env;
  await using emulators = await startEmulators({ HOME, PATH });
  await using folder = await temporaryFolder();
  await using cloud = await startCloud({
    emulators,
    project: freshProject(),
    packageSet: await writeUnbuiltPackageSet(folder.path),
    workers: 1,
    withAll: false,
    workerEnv: { FIRN_NIX_CONFIG: "sandbox = false; substituters =" },
  });
  const [first] = cloud.registries;
  if (first === undefined) throw new Error("no registry was started");
  const registry = clientOf(first);
  const { digest } = await pull(registry, "hello");
  const byDigest = async () => (await registry.manifest("hello", digest)).status;
  expect(await byDigest()).toBe(200);

  const port = emulators.firestore.split(":")[1] ?? "";
  const firestore = descendantsOf(process.pid).find(({ command }) =>
    command.includes(`--port=${port}`),
  );
  if (firestore === undefined) throw new Error("the emulator of Firestore is nobody's child");
  process.kill(firestore.pid, "SIGSTOP");
  try {
    expect(await byDigest()).toBe(200);
    const before = performance.now();
    expect(await problemOf(await registry.manifest("base"))).toMatchObject({
      status: 503,
      code: "UNAVAILABLE",
    });
    expect(performance.now() - before).toBeLessThan(30_000);
  } finally {
    process.kill(firestore.pid, "SIGCONT");
  }
  await expect
    .poll(async () => (await registry.manifest("base")).status, { timeout: 60_000, interval: 1000 })
    .toBe(200);
  await pull(registry, "base");
});
