import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { buildKey } from "../../core/build-key.ts";
import { parseDigest } from "../../core/digest.ts";
import { parseImage } from "../../core/image.ts";
import { readSettings } from "../../core/setting.ts";
import { imageOptions } from "../../core/image-settings.ts";
import { localSettings } from "../../core/settings.ts";
import { startCloud } from "../support/cloud.ts";
import { clientOf } from "../support/cloud-client.ts";
import { emulatorHosts, freshProject, needEmulators } from "../support/emulators.ts";
import { eventually } from "../support/eventually.ts";
import { unbuiltExpression, writeQuickPackageSet } from "../support/package-set.ts";
import { pull } from "../support/pull.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

needEmulators();

test("maintenance has a layer plan learned by a worker, and where the set moves all workers group by it", async () => {
  await using folder = await temporaryFolder();
  const packageSet = await writeQuickPackageSet(folder.path);
  await using cloud = await startCloud({
    emulators: emulatorHosts(),
    project: freshProject(),
    packageSet,
    workerEnv: { FIRN_NIX_CONFIG: "sandbox = false; substituters =" },
  });
  const [registry] = cloud.registries;
  if (registry === undefined) throw new Error("no registry was started");
  const client = clientOf(registry);
  const labelsOf = async (name: string) => (await pull(client, name)).config.config.Labels;
  const first = (await labelsOf("camelcase"))["firn.revision"];

  await cloud.publish("maintenance", "{}");
  const line = await eventually(
    "a plan is learned",
    () =>
      cloud.workers
        .flatMap(({ log }) => log)
        .find(({ message }) => message.startsWith("learned a layer plan for amd64")),
    60_000,
  );
  const plan = parseDigest(String(line["digest"]));
  if (plan === undefined) throw new Error(`no digest: ${JSON.stringify(line)}`);

  await writeFile(join(packageSet, "default.nix"), await unbuiltExpression(folder.path));
  await eventually(
    "the folder moves",
    async () => (await labelsOf("camelcase"))["firn.revision"] !== first,
  );
  for (const name of ["camelcase", "hello", "several"]) {
    const labels = await labelsOf(name);
    const pin = {
      packageSet: "path",
      revision: labels["firn.revision"] ?? "",
      plans: { amd64: plan },
    };
    const options = imageOptions(readSettings(localSettings, {}));
    expect(labels["firn.build-key"], name).toBe(buildKey(parseImage(name, "amd64"), pin, options));
  }
});
