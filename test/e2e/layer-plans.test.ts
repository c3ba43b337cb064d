import { DatabaseSync } from "node:sqlite";
import { cp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { buildKey } from "../../core/build-key.ts";
import { hexOf, parseDigest, type Digest } from "../../core/digest.ts";
import { parseImage, type Architecture } from "../../core/image.ts";
import { readSettings } from "../../core/setting.ts";
import { imageOptions } from "../../core/image-settings.ts";
import { localSettings } from "../../core/settings.ts";
import { eventually } from "../support/eventually.ts";
import { startFirn, type Firn } from "../support/firn.ts";
import { unbuiltExpression, writeQuickPackageSet } from "../support/package-set.ts";
import { digestOf, problemOf, pull } from "../support/pull.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const architecture: Architecture = process.arch === "arm64" ? "arm64" : "amd64";
const image = parseImage("camelcase", architecture);
const options = imageOptions(readSettings(localSettings, {}));

/** The plan that was learned; maintenance has to come round first. */
async function learned(firn: Firn): Promise<Digest> {
  const line = await eventually(
    "a layer plan is learned",
    () => firn.log.find(({ message }) => message.startsWith("learned a layer plan")),
    60_000,
  );
  const digest = parseDigest(String(line["digest"]));
  if (digest === undefined) throw new Error(`no digest: ${JSON.stringify(line)}`);
  return digest;
}

/** Where an image was built, and by the key of which plan. */
async function built(firn: Firn, tag = "latest") {
  const { digest, config } = await pull(firn, "camelcase", tag);
  const { Labels } = config.config;
  return { digest, revision: Labels["firn.revision"] ?? "", key: Labels["firn.build-key"] };
}

function keyAt(revision: string, plan?: Digest): string {
  const plans = plan === undefined ? {} : { [architecture]: plan };
  return buildKey(image, { packageSet: "path", revision, plans }, options);
}

/** Changes every package of the folder, and waits until the change is served. */
async function change(firn: Firn, packageSet: string, salt: string) {
  const { revision } = await built(firn);
  await writeFile(join(packageSet, "default.nix"), await unbuiltExpression(salt));
  return await eventually("the folder moves", async () => {
    const now = await built(firn);
    return now.revision !== revision && now;
  });
}

test("a first start needs no plan; where the set moves, images are grouped by what was learned", async () => {
  await using folder = await temporaryFolder();
  const packageSet = await writeQuickPackageSet(folder.path);
  const data = join(folder.path, "data");
  await using firn = await startFirn({ packageSet, data });
  const first = await built(firn);
  expect(first.key).toBe(keyAt(first.revision));
  const plan = await learned(firn);
  expect(await built(firn)).toEqual(first);

  const moved = await change(firn, packageSet, folder.path);
  expect(moved.key).toBe(keyAt(moved.revision, plan));
  // Of what was there before everything stays as it was, and both are there by their revisions.
  expect(await built(firn, first.revision)).toEqual(first);
  expect(await built(firn, moved.revision)).toEqual(moved);

  // Another registry with this plan, which has none of the layers, makes the same image.
  await firn.stop();
  const other = join(folder.path, "other");
  await cp(data, other, { recursive: true });
  await emptied(other);
  await using again = await startFirn({ packageSet, data: other });
  expect(await built(again)).toEqual(moved);
}, 180_000);

/** Takes out what was built, and leaves plans and where tags stand. */
async function emptied(data: string): Promise<void> {
  const database = new DatabaseSync(join(data, "firn.sqlite"));
  const layers = database.prepare("select entry from layers").all();
  database.exec("delete from images; delete from manifests; delete from layers");
  database.close();
  for (const { entry } of layers) {
    const { digest } = JSON.parse(String(entry)) as { digest: string };
    const parsed = parseDigest(digest);
    if (parsed) await rm(join(data, "blobs/sha256", hexOf(parsed)), { force: true });
  }
}

test("a plan that is lost is told, and made anew", async () => {
  await using folder = await temporaryFolder();
  const packageSet = await writeQuickPackageSet(folder.path);
  const data = join(folder.path, "data");
  await using firn = await startFirn({ packageSet, data });
  await digestOf(firn, "camelcase");
  const plan = await learned(firn);
  await change(firn, packageSet, folder.path);
  await firn.stop();
  await writeFile(join(data, "blobs/sha256", hexOf(plan)), "damaged");
  const database = new DatabaseSync(join(data, "firn.sqlite"));
  database.exec(`update plans set plan = json_set(plan, '$.askedAt', 0)`);
  database.close();

  await using again = await startFirn({ packageSet, data });
  // What was built is served without.
  await digestOf(again, "camelcase");
  expect(await problemOf(await again.manifest("hello"))).toMatchObject({
    status: 503,
    message: `the layer plan ${plan} is lost, or damaged: it is made anew`,
  });
  await learned(again);
  await eventually("it is built again", async () => (await again.manifest("hello")).status === 200);
}, 180_000);
