import { expect, test } from "vitest";
import { encodePlan, parsePlan, planDigest, planName } from "../../worker/layer-plan.ts";
import { stored } from "../support/store-tree.ts";

const parts = [
  { share: 0.05, names: ["pcre"] },
  { share: 0.1, names: ["git", "pcre"] },
];
const plan = {
  bundles: [
    { share: 0.15, names: ["git", "pcre"], parts },
    { share: 1, names: ["glibc"] },
  ],
};

test.each([
  ["openssl-3.0.14", "openssl"],
  ["openssl-3.0.14-dev", "openssl-dev"],
  ["glibc-2.40-66", "glibc"],
  ["python3.12-requests-2.32.3", "python3.12-requests"],
  ["tool-unstable-2025-01-31", "tool-unstable"],
  ["source", "source"],
])("%s is %s in a plan", (name, expected) => {
  expect(planName(stored("a", name))).toBe(expected);
});

test("a plan is read as it was written, a bundle a line", () => {
  const text = encodePlan(plan);
  expect(text).toBe(
    '{"version":2,"bundles":[\n[0.15,["git","pcre"],[["01",0.05],["11",0.1]]],\n[1,["glibc"]]\n]}\n',
  );
  expect(parsePlan(text)).toEqual(plan);
  expect(parsePlan(encodePlan({ bundles: [] }))).toEqual({ bundles: [] });
});

test("a plan of the version before, which knew no parts, is read as it was meant", () => {
  const former = '{"version":1,"bundles":[\n[0.15,["git","pcre"]],\n[1,["glibc"]]\n]}\n';
  expect(parsePlan(former)).toEqual({
    bundles: [
      { share: 0.15, names: ["git", "pcre"] },
      { share: 1, names: ["glibc"] },
    ],
  });
});

test("the digits of a part are for the names as they are listed", () => {
  const { bundles } = parsePlan('{"version":2,"bundles":[[1,["c","a","b"],[["110",0.5]]]]}');
  expect(bundles).toEqual([
    { share: 1, names: ["a", "b", "c"], parts: [{ share: 0.5, names: ["c", "a"] }] },
  ]);
});

test("the same plan in another order is the same bytes", () => {
  const turned = {
    bundles: [
      { share: 1, names: ["glibc"] },
      {
        share: 0.15,
        names: ["pcre", "git"],
        parts: parts.toReversed().map(({ share, names }) => ({ share, names: names.toReversed() })),
      },
    ],
  };
  expect(encodePlan(turned)).toBe(encodePlan(plan));
  expect(planDigest(turned)).toBe(planDigest(plan));
  expect(planDigest({ bundles: plan.bundles.slice(1) })).not.toBe(planDigest(plan));
});

test.each([
  ["{", "the layer plan is not JSON"],
  ["[]", "the layer plan is [], not an object"],
  ['{"bundles":[]}', "has version undefined, and only 1 and 2 are known here: learn a new one"],
  ['{"version":3,"bundles":[]}', "has version 3, and only 1 and 2 are known here"],
  ['{"version":1,"bundles":{}}', "the layer plan's bundles are {}, not a list"],
  ['{"version":1,"bundles":[[1]]}', "the layer plan's bundle 0 is [1], not [share, names]"],
  ['{"version":1,"bundles":[[0,["a"]]]}', "bundle 0 has the share 0, not a number above 0"],
  ['{"version":1,"bundles":[[2,["a"]]]}', "bundle 0 has the share 2, not a number above 0"],
  ['{"version":1,"bundles":[[1,["a"]],["1",["b"]]]}', 'bundle 1 has the share "1"'],
  ['{"version":1,"bundles":[[1,[]]]}', "bundle 0 has the names [], not a list of at least one"],
  ['{"version":1,"bundles":[[1,["a",7]]]}', "bundle 0 has the name 7, not a text"],
  ['{"version":1,"bundles":[[1,["a",null]]]}', "bundle 0 has the name null, not a text"],
  ['{"version":1,"bundles":[[1,["a"],[]]]}', 'bundle 0 is [1,["a"],[]], not [share, names]'],
  ['{"version":2,"bundles":[[1,["a"],[],1]]}', "not [share, names] or [share, names, parts]"],
  ['{"version":2,"bundles":[[1,["a"],{}]]}', "bundle 0 has the parts {}, not a list"],
  ['{"version":2,"bundles":[[1,["a"],["1"]]]}', 'has the part "1", not [digits, share]'],
  ['{"version":2,"bundles":[[1,["a"],[["1",0]]]]}', 'has the part ["1",0], not [digits, share]'],
  ['{"version":2,"bundles":[[1,["a"],[["11",1]]]]}', 'part "11", not a 0 or 1 for each of 1 names'],
  ['{"version":2,"bundles":[[1,["a"],[["0",1]]]]}', 'has the part "0", not a 0 or 1 for each'],
  ['{"version":2,"bundles":[[1,["a"],[["2",1]]]]}', 'has the part "2", not a 0 or 1 for each'],
  ['{"version":2,"bundles":[[1,["a"],[["1",1],["1",0.5]]]]}', 'has the part "1" twice'],
  ['{"version":1,"bundles":[[1,["a"]],[0.5,["b","a"]]]}', 'the layer plan has "a" twice'],
])("%s is refused", (text, message) => {
  expect(() => parsePlan(text)).toThrow(message);
});
