import { describe, expect, it } from "vitest";
import {
  describePackageSet,
  packageSetId,
  parsePackageSet,
  selectRevision,
} from "../../core/package-set.ts";

const commit = "0123456789abcdef0123456789abcdef01234567";

describe("a package set", () => {
  it.each([
    ["starter", { kind: "starter" }],
    ["/srv/packages", { kind: "path", path: "/srv/packages" }],
    ["path:/srv/packages", { kind: "path", path: "/srv/packages" }],
    ["nixpkgs:nixos-25.11", expect.objectContaining({ kind: "nixpkgs", reference: "nixos-25.11" })],
    [
      "git+https://git.example.com/set#stable",
      { kind: "git", url: "https://git.example.com/set", reference: "stable" },
    ],
    [
      "git+ssh://git@git.example.com/set",
      { kind: "git", url: "ssh://git@git.example.com/set", reference: undefined },
    ],
  ])("is understood as %s", (text, packageSet) => {
    expect(parsePackageSet(text)).toEqual(packageSet);
  });

  it.each([
    "",
    "nixpkgs",
    "nixpkgs:",
    "nixpkgs:a b",
    "packages",
    "https://example.com",
    "git+ext::sh",
  ])("%j is refused, with what would be understood", (text) => {
    expect(() => parsePackageSet(text)).toThrow(`"${text}" is not a package set: use starter`);
  });

  it("keeps credentials out of its name", () => {
    const packageSet = parsePackageSet("git+https://me:secret@git.example.com/set#main");
    expect(packageSetId(packageSet)).toBe("git+https://git.example.com/set");
    expect(describePackageSet(packageSet)).not.toContain("secret");
  });
});

describe("a tag", () => {
  const nixpkgs = parsePackageSet("nixpkgs:nixos-25.11");
  const git = parsePackageSet("git+https://git.example.com/set");
  const folder = parsePackageSet("/srv/packages");

  it("selects a revision by itself where it is a commit", () => {
    expect(selectRevision(nixpkgs, commit)).toEqual({ kind: "revision", revision: commit });
    expect(selectRevision(git, commit)).toEqual({ kind: "revision", revision: commit });
    expect(selectRevision(folder, commit)).toMatchObject({ kind: "reference", reference: commit });
  });

  it("latest is what is configured", () => {
    expect(selectRevision(nixpkgs, "latest")).toMatchObject({ reference: "nixos-25.11" });
    expect(selectRevision(nixpkgs, "latest")).toEqual(selectRevision(nixpkgs, "nixos-25.11"));
    expect(selectRevision(git, "latest")).toMatchObject({ reference: undefined });
    expect(selectRevision(parsePackageSet(`nixpkgs:${commit}`), "latest")).toEqual({
      kind: "revision",
      revision: commit,
    });
  });

  it("of two folders stands for two pins", () => {
    expect(selectRevision(folder, "latest")).not.toEqual(
      selectRevision(parsePackageSet("/srv/others"), "latest"),
    );
  });
});
