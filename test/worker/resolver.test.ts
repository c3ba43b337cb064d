import { expect, test } from "vitest";
import { createResolver } from "../../worker/resolver.ts";
import { plant, stored, temporaryFolder } from "../support/store-tree.ts";

const a = stored("a", "a-1");
const b = stored("b", "b-1");

test.each([
  [`${a}/lib/x`, { path: `${a}/lib/x`, folder: false }],
  [`${a}/lib64/x`, { path: `${a}/lib/x`, folder: false }],
  [`${a}/lib64/`, { path: `${a}/lib`, folder: true }],
  [`${a}/other/lib64/../lib/x`, { path: `${a}/lib/x`, folder: false }],
  [b, { path: a, folder: true }],
  ["/nix/store/../store", { path: "/nix/store", folder: true }],
  [`${a}/lib/x/y`, undefined],
  [`${a}/lib/x/`, { path: `${a}/lib/x`, folder: false }],
  [`${a}/gone`, undefined],
  [`${a}/circle`, undefined],
  [`${a}/circle-below`, undefined],
  ["/etc", undefined],
  [`${a}/../../../etc`, undefined],
])("%s leads to %j", (path, expected) => {
  const root = plant(temporaryFolder(), {
    [`${a}/lib/x`]: "",
    [`${a}/lib64`]: { link: "lib" },
    [`${a}/other`]: { link: b },
    [`${a}/gone`]: { link: "nothing" },
    [`${a}/circle`]: { link: "circle" },
    [`${a}/circle-below`]: { link: "circle-below/x" },
    [b]: { link: a },
    "/etc/passwd": "",
  });
  expect(createResolver(root)(path)).toEqual(expected);
});
