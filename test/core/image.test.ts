import { describe, expect, it } from "vitest";
import { RegistryError } from "../../core/errors.ts";
import { imageName, parseImage, parseImages } from "../../core/image.ts";

describe("an image name", () => {
  it.each([
    ["git", { architecture: "amd64", shell: false, packages: ["git"] }],
    ["shell/git/htop", { architecture: "amd64", shell: true, packages: ["git", "htop"] }],
    ["shell/htop/git", { architecture: "amd64", shell: true, packages: ["git", "htop"] }],
    ["shell/arm64/git", { architecture: "arm64", shell: true, packages: ["git"] }],
    ["arm64/shell/git", { architecture: "arm64", shell: true, packages: ["git"] }],
    ["amd64/arm64-tools", { architecture: "amd64", shell: false, packages: ["arm64-tools"] }],
    ["shell", { architecture: "amd64", shell: true, packages: [] }],
    ["git/git/curl", { architecture: "amd64", shell: false, packages: ["curl", "git"] }],
    ["git/shell", { architecture: "amd64", shell: false, packages: ["git", "shell"] }],
    [
      "python3packages.requests",
      { architecture: "amd64", shell: false, packages: ["python3packages.requests"] },
    ],
  ])("%s is read in canonical form", (name, image) => {
    expect(parseImage(name, "amd64")).toEqual(image);
  });

  it("means an image for each platform that is served, or the one it says", () => {
    const architectures = (name: string) =>
      parseImages(name, ["arm64", "amd64"]).map(({ architecture }) => architecture);
    expect(architectures("shell/git")).toEqual(["arm64", "amd64"]);
    expect(architectures("amd64/git")).toEqual(["amd64"]);
    expect(architectures("shell/arm64/git")).toEqual(["arm64"]);
  });

  it("sorts packages by their bytes, whatever the language of the machine", () => {
    expect(parseImage("zlib/a-b/ab/a.b/7zz", "amd64").packages).toEqual([
      "7zz",
      "a-b",
      "a.b",
      "ab",
      "zlib",
    ]);
  });

  it("can be written again, and means the same then", () => {
    const image = parseImage("shell/htop/git", "arm64");
    expect(imageName(image)).toBe("arm64/shell/git/htop");
    expect(parseImage(imageName(image), "amd64")).toEqual(image);
  });

  it.each([
    ["Git", /"Git" is not an image name/],
    ["git//htop", /not an image name/],
    ["git/", /not an image name/],
    ["/git", /not an image name/],
    ["", /not an image name/],
    ["g++", /not an image name/],
    ["git/../htop", /not an image name/],
    ["_7zz", /not an image name/],
    ["git;rm", /not an image name/],
    ["git\n", /not an image name/],
    ["amd64/arm64/git", /two platforms, amd64 and arm64/],
    ["arm64", /a platform but no package/],
    ["a/".repeat(299) + "a", /at most 255 characters, this one has 599/],
  ])("%j is refused as NAME_INVALID, with the reason", (name, message) => {
    const parse = () => parseImage(name, "amd64");
    expect(parse).toThrow(message);
    expect(parse).toThrow(expect.objectContaining({ status: 400, code: "NAME_INVALID" }));
    expect(parse).toThrow(RegistryError);
  });
});
