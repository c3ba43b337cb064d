import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { compressions } from "../../core/compression.ts";
import { startFirn } from "../support/firn.ts";
import { expectSoundLayers } from "../support/image.ts";
import { need } from "../support/need.ts";
import { readLayout, skopeo } from "../support/pull.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const types = {
  gzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  zstd: "application/vnd.oci.image.layer.v1.tar+zstd",
  none: "application/vnd.oci.image.layer.v1.tar",
};

beforeEach((context) => need(context, "nix-store", "skopeo"));

test("an image is the same however its layers are compressed, and skopeo pulls each", async () => {
  await using folder = await temporaryFolder();
  const data = join(folder.path, "data");
  const images = [];
  // One data folder: what was packed one way must not be taken for what is packed another way.
  for (const compression of compressions) {
    await using firn = await startFirn({ data, env: { FIRN_COMPRESSION: compression } });
    const layout = join(folder.path, compression);
    const from = ["--src-tls-verify=false", `docker://${firn.host}/hello/several`];
    // Of its own accord it would compress what is not compressed.
    const copied = await skopeo("copy", "--preserve-digests", ...from, `oci:${layout}:latest`);
    expect(copied.exitCode, copied.all).toBe(0);
    const image = await readLayout(layout);
    expectSoundLayers(image);
    expect(new Set(image.manifest.layers.map(({ mediaType }) => mediaType))).toEqual(
      new Set([types[compression]]),
    );
    images.push(image);
  }
  const [gzip, zstd, none] = images;
  expect(zstd?.config.rootfs).toEqual(gzip?.config.rootfs);
  expect(none?.config.rootfs).toEqual(gzip?.config.rootfs);
  expect(zstd?.layers).toEqual(gzip?.layers);
  expect(none?.layers).toEqual(gzip?.layers);
  // Without a compressor the two digests of a layer are one.
  expect(none?.manifest.layers.map(({ digest }) => digest)).toEqual(none?.config.rootfs.diff_ids);
  expect(new Set(images.map(({ digest }) => digest)).size).toBe(3);
});
