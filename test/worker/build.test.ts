import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, it } from "vitest";
import { buildKey, type ImageOptions } from "../../core/build-key.ts";
import { createLocalBlobStore } from "../../core/local/blob-store.ts";
import { digestOf, hexOf, type Digest } from "../../core/digest.ts";
import { encodePlan } from "../../worker/layer-plan.ts";
import { createPlanReader, PlanLost } from "../../worker/read-plan.ts";
import { once } from "../support/blobs.ts";
import { blobsIn } from "../support/layout.ts";
import { buildReplay } from "../support/build-replay.ts";
import { options } from "../support/builds.ts";
import { readImage, type Manifest } from "../support/image.ts";
import { need } from "../support/need.ts";
import { recordNix, type Replay } from "../support/replayed-nix.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

beforeEach((context) => need(context, "nix-store"));

it("a worker compresses as the key says that it was given, whatever it is set to itself", async () => {
  await using folder = await temporaryFolder();
  const asked: ImageOptions = { ...options, compression: "zstd" };
  const replay = await recordNix("hello", asked);
  const manifest = await buildReplay(replay, { ...options, compression: "none" }, folder.path);
  const { layers } = JSON.parse(Buffer.from(manifest.bytes).toString()) as Manifest;
  expect(new Set(layers.map(({ mediaType }) => mediaType))).toEqual(
    new Set(["application/vnd.oci.image.layer.v1.tar+zstd"]),
  );
}, 60_000);

it("a worker that is set to other layers than whoever asked says so", async () => {
  await using folder = await temporaryFolder();
  const replay = await recordNix("hello", { ...options, layerBudget: 60 });
  const { image, pin } = replay.request;
  expect(replay.request.key).not.toBe(buildKey(image, pin, options));
  const said: string[] = [];
  await buildReplay(replay, options, folder.path, (severity, message) => {
    said.push(`${severity}: ${message}`);
  });
  expect(said).toEqual([
    expect.stringMatching(/^WARNING: .*hello is not of this worker's settings/),
  ]);
}, 60_000);

const plan = encodePlan({ bundles: [{ share: 1, names: ["base", "hello"] }] });

/** The same image where a plan applies. */
function plannedBy(replay: Replay, digest: Digest): Replay {
  const { image } = replay.request;
  const pin = { ...replay.request.pin, plans: { [image.architecture]: digest } };
  return { ...replay, request: { image, pin, key: buildKey(image, pin, options) } };
}

async function planIn(folder: string): Promise<Digest> {
  const signal = new AbortController().signal;
  return (await createLocalBlobStore(folder).write(once(Buffer.from(plan)), signal)).digest;
}

/** The packages of each layer, by name. */
async function packagesIn(bytes: Uint8Array, folder: string): Promise<string[][]> {
  const { layers } = await readImage(bytes, blobsIn(folder));
  return layers.map(({ entries }) =>
    entries.flatMap(({ path }) => /^nix\/store\/[^-/]+-([^/]+)\/?$/.exec(path)?.[1] ?? []).sort(),
  );
}

it("what a plan has together is one layer, on any worker the same to the byte", async () => {
  await using one = await temporaryFolder();
  await using two = await temporaryFolder();
  const replay = await recordNix("camelcase", options);
  const planned = plannedBy(replay, await planIn(one.path));
  await planIn(two.path);
  const manifest = await buildReplay(planned, options, one.path);
  expect(await packagesIn(manifest.bytes, one.path)).toEqual([
    ["base-1.0", "hello-2.12"],
    ["camel-case-1.0"],
    [],
  ]);
  const elsewhere = { ...options, grouping: "dominators" } as const;
  const again = await buildReplay(planned, elsewhere, two.path);
  expect(again).toEqual(manifest);

  const without = await buildReplay(replay, options, one.path);
  expect(await packagesIn(without.bytes, one.path)).not.toContainEqual(["base-1.0", "hello-2.12"]);
}, 60_000);

it("without the plan that its key names an image is not built, whether it is gone or damaged", async () => {
  await using folder = await temporaryFolder();
  const digest = await planIn(folder.path);
  const planned = plannedBy(await recordNix("hello", options), digest);
  const path = join(folder.path, "blobs/sha256", hexOf(digest));
  await writeFile(path, plan.replace("hello", "jello"));
  const lost = `the layer plan ${digest} is lost, or damaged: it is made anew`;
  await expect(buildReplay(planned, options, folder.path)).rejects.toThrow(lost);
  await rm(path);
  await expect(buildReplay(planned, options, folder.path)).rejects.toThrow(lost);
  await planIn(folder.path);
  await buildReplay(planned, options, folder.path);
}, 60_000);

it("a store that does not answer is no plan that is lost", async () => {
  const refuses = { read: () => Promise.reject(new Error("out of reach")) };
  const reading = createPlanReader(refuses)(digestOf(plan));
  await expect(reading).rejects.toThrow("out of reach");
  await expect(reading).rejects.not.toBeInstanceOf(PlanLost);
});
