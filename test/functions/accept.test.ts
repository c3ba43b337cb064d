import { expect, it } from "vitest";
import { admitsIndex } from "../../functions/accept.ts";

const index = "application/vnd.oci.image.index.v1+json";
const list = "application/vnd.docker.distribution.manifest.list.v2+json";
const manifest = "application/vnd.oci.image.manifest.v1+json";

it.each([
  undefined,
  "*/*",
  "application/*",
  index,
  list,
  `${manifest}, ${index}`,
  // Order means nothing: skopeo names the oldest kind first.
  `application/vnd.docker.distribution.manifest.v1+prettyjws, ${list}`,
  `${manifest};q=0.9, ${index};q=0.5`,
  `${manifest}, */*`,
])("an index is for clients that send Accept: %s", (accept) => {
  expect(admitsIndex(accept)).toBe(true);
});

it.each([
  manifest,
  "application/vnd.docker.distribution.manifest.v2+json",
  `${manifest}, application/vnd.docker.distribution.manifest.v2+json`,
  `${manifest}, ${index};q=0`,
  "text/html",
  ";;;",
])("a single manifest is for clients that send Accept: %s", (accept) => {
  expect(admitsIndex(accept)).toBe(false);
});
