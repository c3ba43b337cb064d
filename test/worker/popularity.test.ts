import { expect, test } from "vitest";
import { knownOf, packageName, parsePopularity, storePathName } from "../../worker/popularity.ts";
import { stored } from "../support/store-tree.ts";

test.each([
  ["glibc-2.36", "glibc"],
  ["openssl-3.0.1-bin", "openssl"],
  ["bash-interactive-5.2-p15", "bash-interactive"],
  ["nss-cacert", "nss-cacert"],
  ["python3.11-requests-2.28.1", "python3.11-requests"],
  ["source", "source"],
  ["a-", "a-"],
])("the package of %s is %s", (name, expected) => {
  expect(packageName(name)).toBe(expected);
});

test("the name of a store path is what follows the hash", () => {
  expect(storePathName(stored("a", "glibc-2.36"))).toBe("glibc-2.36");
});

test("a path is looked up by its full name, then without the version", () => {
  const popularity = parsePopularity('{"glibc": 7, "glibc-2.36": {"popularity": 9, "cost": 10}}');
  expect(knownOf(popularity, stored("a", "glibc-2.36"))).toEqual({ popularity: 9, cost: 10 });
  expect(knownOf(popularity, stored("a", "glibc-2.37"))).toEqual({ popularity: 7 });
  expect(knownOf(popularity, stored("a", "musl-1.2"))).toBeUndefined();
});

test("names that objects have anyway are not known", () => {
  expect(knownOf(parsePopularity("{}"), stored("a", "constructor-1.0"))).toBeUndefined();
});

test("all that is wrong with a file is said at once, with keys and values", () => {
  const text =
    '{"a": "many", "b": -1, "c": {"popularity": 1}, "d": {"costs": 2}, "e": null, "f": {"cost": "x"}}';
  expect(() => parsePopularity(text)).toThrow(
    'the popularity file: "a" is "many", not a number or {"popularity", "cost"}; ' +
      '"b" has the popularity -1, not a number from 0; ' +
      '"d" has "costs", which means nothing; ' +
      '"e" is null, not a number or {"popularity", "cost"}; ' +
      '"f" has the cost "x", not a number from 0',
  );
});

test.each([
  ["[1]", "the popularity file is [1], not an object by package name"],
  ["{", "the popularity file is not JSON"],
])("%s is refused", (text, message) => {
  expect(() => parsePopularity(text)).toThrow(message);
});
