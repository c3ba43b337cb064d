import { expect, test } from "vitest";
import { countPackages } from "../../worker/popcount.ts";
import { knownOf, parsePopularity } from "../../worker/popularity.ts";
import { stored } from "../support/store-tree.ts";

const libc = stored("a", "glibc-2.36");
const old = stored("b", "glibc-2.30");
const git = stored("c", "git-2.39");
const jq = stored("d", "jq-1.6");
const jqBin = stored("e", "jq-1.6-bin");

const survey = {
  packages: [
    { attribute: "git", outputs: [git] },
    { attribute: "jq", outputs: [jqBin] },
    { attribute: "glibc", outputs: [libc] },
    { attribute: "unknown", outputs: [stored("f", "unknown-1.0")] },
  ],
  paths: [
    { path: libc, size: 1, references: [] },
    { path: old, size: 1, references: [] },
    { path: git, size: 1, references: [libc] },
    { path: jq, size: 1, references: [libc, old] },
    { path: jqBin, size: 1, references: [jq] },
  ],
};

test("a package counts once for each name in its closure, by full name where versions differ", () => {
  const counts = countPackages(survey);
  expect(counts).toEqual({ glibc: 3, git: 1, "glibc-2.30": 1, jq: 1 });
  expect(Object.keys(counts)[0]).toBe("glibc");
});

test("what is counted is read as popularity, as is what Nixery counts", () => {
  const popularity = parsePopularity(JSON.stringify(countPackages(survey)));
  expect(knownOf(popularity, stored("x", "glibc-2.37"))).toEqual({ popularity: 3 });
  expect(knownOf(popularity, old)).toEqual({ popularity: 1 });
  const nixery = parsePopularity('{"glibc": 4211, "gcc": 3017}');
  expect(knownOf(nixery, libc)).toEqual({ popularity: 4211 });
});
