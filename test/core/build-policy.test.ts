import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anythingGoes, imageRefusal, tagRefusal } from "../../core/build-policy.ts";
import { parseImage } from "../../core/image.ts";
import { deniedTwins, packageRefusal, parsePackagePatterns } from "../../core/package-patterns.ts";
import { parsePackageSet } from "../../core/package-set.ts";
import { parseRevisionPatterns } from "../../core/revision-patterns.ts";

const commit = "0123456789abcdef0123456789abcdef01234567";
const nixpkgs = parsePackageSet("nixpkgs:nixos-25.11");

function refused(list: string, path: string): string | undefined {
  return packageRefusal(parsePackagePatterns(list), path);
}

describe("a list of packages", () => {
  it.each([
    ["*", "python3packages.requests"],
    ["git", "git"],
    ["git", "git.doc"],
    ["python3Packages.*", "python3packages.requests"],
    ["python3Packages.*", "python3Packages.requests.dist.deep"],
    ["python3*Packages.requests", "python311Packages.requests"],
    ["_7zz", "7zz"],
    ["7zz", "_7zz"],
    ["*, -openssl", "openssl_3"],
    ["*.*", "a.b"],
    ["g++", "g++"],
  ])("%s lets %s through", (list, path) => {
    expect(refused(list, path)).toBeUndefined();
  });

  it.each([
    ["git", "gitfull", "not among what is built here"],
    ["git*", "gitandtools.hub", "not among what is built here"],
    // What a derivation carries along is not an output of it.
    ["hello", "hello.stdenv", "not among what is built here"],
    ["python3Packages.*", "python3packages", "not among what is built here"],
    ["_*", "git", "not among what is built here"],
    ["*.*", "git", "not among what is built here"],
    ["a.b", "a+b", "not among what is built here"],
    ["*, -openssl", "openssl", "denied by openssl"],
    ["openssl, -openssl", "openssl", "denied by openssl"],
    ["*, -openssl", "openssl.dev", "denied by openssl"],
    ["*, -python3", "python3.pkgs.requests", "denied by python3"],
    ["*, -python3Packages.*", "PYTHON3packages.requests", "denied by python3Packages.*"],
    ["*, -python3*", "python3packages.requests", "denied by python3*"],
    ["*,-*.requests", "python3packages.requests", "denied by *.requests"],
  ])("%s does not let %s through: %s", (list, path, why) => {
    expect(refused(list, path)).toBe(why);
  });

  it("allows nothing that it denies, in whatever order it is written", () => {
    const path = fc.stringMatching(/^[a-z0-9]{1,3}(\.[a-z0-9]{1,3}){0,2}$/);
    fc.assert(
      fc.property(
        fc.array(path),
        fc.array(path, { minLength: 1 }),
        path,
        (more, denials, below) => {
          const parts = [...more, "*", ...denials.map((each) => `-${each}`)];
          for (const denied of denials) {
            expect(refused(parts.join(","), denied)).toMatch(/^denied by /);
            expect(refused(parts.toReversed().join(","), `${denied}.${below}`)).toMatch(
              /^denied by /,
            );
          }
        },
      ),
    );
  });

  it("that names all packages lets exactly those through, whatever they are called", () => {
    const word = fc.stringMatching(/^[a-z][a-z0-9_'+]{0,5}$/);
    fc.assert(
      fc.property(
        fc.uniqueArray(word, { minLength: 2, maxLength: 8 }),
        ([other = "", ...names]) => {
          const list = names.join(" , ");
          for (const name of names) expect(refused(list, name)).toBeUndefined();
          expect(refused(list, other)).toBe("not among what is built here");
        },
      ),
    );
  });

  it.each([
    ["", '"" allows nothing: write "*" to allow everything else'],
    ["-git, -jq", '"-git, -jq" allows nothing: write "*, -git, -jq" to allow everything else'],
    ["git jq", '"git jq" is not a pattern of packages: write attribute paths such as git'],
    ["*, -", '"" is not a pattern of packages'],
    ["git..doc", '"git..doc" is not a pattern of packages'],
    ["!git", '"!git" is not a pattern of packages'],
  ])("%j is an error that names the value", (text, message) => {
    expect(() => parsePackagePatterns(text)).toThrow(message);
  });

  it("has by their names what may be denied elsewhere", () => {
    const list = parsePackagePatterns("*, -python3Packages.*, -chrom*, -a*.b*, -git");
    expect(deniedTwins(list, ["requests", "chromium"])).toEqual([
      "python3Packages.requests",
      "python3Packages.chromium",
      "chromium",
    ]);
  });
});

describe("a list of revisions", () => {
  const at = (text: string, tag: string) =>
    tagRefusal({ ...anythingGoes, revisions: parseRevisionPatterns(text) }, nixpkgs, tag);
  const refusalOf = (tag: string, why: string) =>
    `this registry does not build anything at ${tag} (${why}): ask whoever runs this registry`;

  it.each([
    ["*", commit],
    ["nixos-*", "nixos-24.05"],
    ["nixos-24.05", "latest"],
    ["*, -nixos-*", "nixos-25.11"],
    ["commit:*", commit],
    [commit, commit],
    [`commit:${commit}`, commit],
    ["*, -commit:*", "nixos-24.05"],
  ])("%s allows the tag %s", (text, tag) => {
    expect(at(text, tag)).toBeUndefined();
  });

  it.each([
    ["nixos-*", commit, "not among what is built here"],
    ["0*", commit, "not among what is built here"],
    ["nixos-*", "NIXOS-24.05", "not among what is built here"],
    ["nixos-24.05", "nixos-24x05", "not among what is built here"],
    ["*, -commit:*", commit, "denied by commit:*"],
    [`*, -${commit}`, commit, `denied by ${commit}`],
    ["*, -nixos-*", "nixos-24.05", "denied by nixos-*"],
  ])("%s does not allow the tag %s: %s", (text, tag, why) => {
    expect(at(text, tag)).toBe(refusalOf(tag, why));
  });

  it("that is none is an error that names the value", () => {
    expect(() => parseRevisionPatterns("nixos 25")).toThrow(
      '"nixos 25" is not a pattern of revisions: write names such as nixos-25.11',
    );
    expect(() => parseRevisionPatterns("-commit:*")).toThrow('write "*, -commit:*"');
  });
});

describe("an image", () => {
  const contact = "platform@example.com";
  const judged = (packages: string, name: string, maxPackages = 64) =>
    imageRefusal(
      { ...anythingGoes, packages: parsePackagePatterns(packages), maxPackages, contact },
      parseImage(name, "amd64"),
    );

  it("is refused with all of its packages that are not built, and with who to ask", () => {
    expect(judged("*, -git, -j*", "git/curl/jq")).toBe(
      "this registry does not build git (denied by git), jq (denied by j*): ask platform@example.com",
    );
    expect(judged("curl", "curl")).toBeUndefined();
  });

  it("with a shell is refused where shell is not allowed, or something of it is denied", () => {
    expect(judged("curl", "shell/curl")).toContain("shell (not among what is built here)");
    expect(judged("curl, shell", "shell/curl")).toBeUndefined();
    expect(judged("*, -shell", "shell")).toContain("shell (denied by shell)");
    expect(judged("*, -nano", "shell")).toContain("shell (it brings nano, which is denied)");
  });

  it("of more packages than a name may have is refused", () => {
    expect(judged("*", "a/b/c", 2)).toBe(
      "this registry does not build images of 3 packages (at most 2 in a name): ask platform@example.com",
    );
    expect(judged("*", "a/b/a", 2)).toBeUndefined();
  });
});
