import { expect, it } from "vitest";
import { parseMissing } from "../../worker/missing.ts";

const store = "/nix/store/0123456789abcdfghijklmnpqrsvwxyz";

it.each([
  [
    "2.8",
    `these 2 derivations will be built:
  ${store}-a-1.drv
  ${store}-b-1.drv
these 2 paths will be fetched (0.50 MiB download, 1.50 MiB unpacked):
  ${store}-c-1
  ${store}-d-1
don't know how to build these paths (may be caused by read-only store access):
  ${store}-e-1`,
    1.5 * 1024 ** 2,
  ],
  [
    "later versions",
    `this derivation will be built:
  ${store}-a-1.drv
this derivation will be built:
  ${store}-b-1.drv
this path will be fetched (350.3 MiB download, 1.5 GiB unpacked):
  ${store}-c-1
don't know how to build these paths:
  ${store}-e-1`,
    1.5 * 1024 ** 3,
  ],
])("what Nix %s would have to do is read from what it says", (_, text, fetchedBytes) => {
  expect(parseMissing(text)).toEqual({
    built: [`${store}-a-1.drv`, `${store}-b-1.drv`],
    unknown: [`${store}-e-1`],
    fetchedBytes,
    silent: undefined,
  });
});

it("a binary cache that did not answer is noticed", () => {
  const text = `warning: unable to download 'http://127.0.0.1:9/nix-cache-info': Couldn't connect to server (7)
don't know how to build these paths:
  ${store}-e-1`;
  expect(parseMissing(text)).toMatchObject({
    unknown: [`${store}-e-1`],
    silent: "unable to download 'http://127.0.0.1:9/nix-cache-info'",
  });
  expect(parseMissing("")).toMatchObject({ built: [], unknown: [], fetchedBytes: 0 });
});
