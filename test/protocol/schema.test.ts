import { describe, expect, it } from "vitest";
import { digestOf } from "../../core/digest.ts";
import { mediaTypes } from "../../core/manifest.ts";
import { checkDocument } from "../support/oci-schema.ts";

const descriptor = { mediaType: mediaTypes.gzipLayer, digest: digestOf("layer"), size: 5 };
const manifest = {
  schemaVersion: 2,
  mediaType: mediaTypes.manifest,
  config: { ...descriptor, mediaType: mediaTypes.config },
  layers: [descriptor],
};
const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [descriptor] };
const config = {
  created: "1970-01-01T00:00:01Z",
  architecture: "amd64",
  os: "linux",
  rootfs: { type: "layers", diff_ids: [digestOf("tar")] },
};
const platform = { architecture: "amd64", os: "linux" };

describe("the schemas of the image specification", () => {
  it.each([
    ["manifest", manifest],
    [
      "manifest",
      { ...manifest, artifactType: "a/b", subject: descriptor, annotations: { a: "b" } },
    ],
    ["index", index],
    ["index", { ...index, manifests: [] }],
    ["index", { ...index, manifests: [{ ...descriptor, platform }] }],
    ["config", config],
  ] as const)("accept a %s that is one", (kind, document) => {
    expect(() => checkDocument(mediaTypes[kind], JSON.stringify(document))).not.toThrow();
  });

  it.each([
    ["manifest", { ...manifest, layers: [] }, "/layers must NOT have fewer than 1 items"],
    ["manifest", { ...manifest, schemaVersion: 1 }, "/schemaVersion must be >= 2"],
    ["manifest", { ...manifest, mediaType: undefined }, "required property 'mediaType'"],
    ["manifest", { ...manifest, config: { size: 1 } }, "/config must have required property"],
    ["manifest", { ...manifest, subject: {} }, "/subject must have required property"],
    ["manifest", { ...manifest, artifactType: "odd" }, "/artifactType must match pattern"],
    ["manifest", { ...manifest, annotations: { a: 1 } }, "/annotations/a must be string"],
    [
      "manifest",
      { ...manifest, layers: [{ ...descriptor, size: "5" }] },
      "/layers/0/size must be integer",
    ],
    ["index", { ...index, manifests: [{ ...descriptor, digest: "x" }] }, "/manifests/0/digest"],
    [
      "index",
      { ...index, manifests: [{ ...descriptor, platform: { os: "linux" } }] },
      "/manifests/0/platform must have required property 'architecture'",
    ],
    ["config", { ...config, rootfs: { type: "layers" } }, "required property 'diff_ids'"],
    ["config", { ...config, created: "yesterday" }, '/created must match format "date-time"'],
  ] as const)("refuse a %s that is none", (kind, document, wrong) => {
    expect(() => checkDocument(mediaTypes[kind], JSON.stringify(document))).toThrow(wrong);
  });

  it("are not there for other media types", () => {
    expect(() => checkDocument("text/plain", "{}")).toThrow('there is no schema of "text/plain"');
  });
});
