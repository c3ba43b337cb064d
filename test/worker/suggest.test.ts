import { describe, expect, it } from "vitest";
import { describeUnknown } from "../../worker/describe-unknown.ts";
import { suggest } from "../../worker/suggest.ts";

const names = [
  "bash",
  "git",
  "gitFull",
  "haskellPackages",
  "hello",
  "htop",
  "python3",
  "python3Packages",
  "_7zz",
];

describe("for a name that is not known", () => {
  it.each([
    ["helo", ["hello"]],
    ["htpo", ["htop"]],
    ["gti", ["git"]],
    ["python", ["python3", "python3Packages"]],
    ["haskelpackages", ["haskellPackages"]],
    ["gitful", ["gitFull"]],
    ["7z", ["_7zz"]],
    ["zzzzzz", []],
  ])("%s, the nearest are given first", (typed, near) => {
    expect(suggest(typed, names)).toEqual(near);
  });
});

it("all names that are wrong are told at once, each with what was probably meant", () => {
  const text = describeUnknown(
    [
      { asked: "helo", reason: "not-found", suggestions: ["hello"] },
      { asked: "zzz", reason: "not-found", suggestions: [] },
      {
        asked: "python3packages",
        reason: "not-a-package",
        suggestions: ["python3Packages.requests"],
      },
      { asked: "http", reason: "ambiguous", suggestions: ["HTTP", "Http"] },
    ],
    "nixpkgs",
  );
  expect(text).toBe(
    'there is no package "helo" (did you mean hello?); there is no package "zzz"; ' +
      '"python3packages" is not a package but a set of them, such as python3Packages.requests; ' +
      '"http" could be HTTP or Http, which differ in case alone and so cannot be told apart here',
  );
});

it("what has to come first in a name is not called unknown", () => {
  const unknown = [{ asked: "shell", reason: "not-found", suggestions: ["hello"] } as const];
  expect(describeUnknown(unknown, "nixpkgs")).toBe('"shell" has to come first in a name');
});

it("of the starter set it is said that it is small, where nothing is near", () => {
  const go = { asked: "go", reason: "not-found", suggestions: [] } as const;
  expect(describeUnknown([go], "starter")).toMatch(
    /^there is no package "go"; this registry serves the starter set, .* not all of nixpkgs$/,
  );
  const near = { ...go, asked: "gti", suggestions: ["git"] };
  expect(describeUnknown([near], "starter")).toBe('there is no package "gti" (did you mean git?)');
});
