import { beforeEach, expect, it } from "vitest";
import { buildKey, type ImageOptions } from "../../core/build-key.ts";
import { buildReplay } from "../support/build-replay.ts";
import { options } from "../support/builds.ts";
import type { Manifest } from "../support/image.ts";
import { need } from "../support/need.ts";
import { recordNix } from "../support/replayed-nix.ts";
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
