import { expect, it } from "vitest";
import { digestOf } from "../../core/digest.ts";
import { imageDocuments, mediaTypes } from "../../core/manifest.ts";
import { checkDocument } from "../support/oci-schema.ts";

const layers = ["one", "two"].map((name) => ({
  digest: digestOf(`${name}.gz`),
  size: name.length,
  diffId: digestOf(name),
  comment: name,
}));
const config = {
  architecture: "arm64",
  env: ["LANG=C.UTF-8", "PATH=/bin"],
  cmd: ["/bin/bash"],
  labels: { b: "2", a: "1" },
} as const;

it("manifest and configuration name the same layers in the same order, one history entry each", () => {
  const documents = imageDocuments(config, layers, "gzip");
  checkDocument(mediaTypes.config, documents.config);
  checkDocument(mediaTypes.manifest, documents.manifest.bytes);
  const manifest: unknown = JSON.parse(Buffer.from(documents.manifest.bytes).toString());
  const parsed: unknown = JSON.parse(Buffer.from(documents.config).toString());
  expect(manifest).toEqual({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: {
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: digestOf(documents.config),
      size: documents.config.byteLength,
    },
    layers: layers.map(({ digest, size }) => ({
      mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
      digest,
      size,
    })),
  });
  expect(parsed).toMatchObject({
    created: "1970-01-01T00:00:01Z",
    architecture: "arm64",
    os: "linux",
    variant: "v8",
    config: { Env: config.env, Cmd: ["/bin/bash"], Labels: { a: "1", b: "2" } },
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    history: [{ comment: "one" }, { comment: "two" }],
  });
  expect(documents.manifest.digest).toBe(digestOf(documents.manifest.bytes));
});

it("the same inputs give the same bytes, in whatever order labels were set", () => {
  const other = { ...config, labels: { a: "1", b: "2" } };
  expect(imageDocuments(other, layers, "gzip")).toEqual(imageDocuments(config, layers, "gzip"));
});

it("an image without a main program has no Cmd", () => {
  const { config: bytes } = imageDocuments({ ...config, cmd: undefined }, layers, "gzip");
  expect(Buffer.from(bytes).toString()).not.toContain("Cmd");
});
