import { describe, expect, it } from "vitest";
import { buildKey, meaningOf, parseBuildKey, type ImageOptions } from "../../core/build-key.ts";
import { digestOf } from "../../core/digest.ts";
import { parseImage } from "../../core/image.ts";

const image = parseImage("shell/git/htop", "amd64");
const pin = { packageSet: "nixpkgs", revision: "0123456789abcdef0123456789abcdef01234567" };
const options: ImageOptions = {
  layerBudget: 94,
  popularity: "",
  compression: "gzip",
  allowUnfree: false,
  grouping: "plan",
};
const key = buildKey(image, pin, options);
const plan = digestOf("a plan");
const planned = { ...pin, plans: { amd64: plan } };

describe("the build key", () => {
  it("is the same for the same image, however its name was written", () => {
    expect(buildKey(parseImage("shell/htop/git/git", "amd64"), { ...pin }, { ...options })).toBe(
      key,
    );
    expect(parseBuildKey(key)).toBe(key);
  });

  it.each([
    ["package set", buildKey(image, { ...pin, packageSet: "git+https://example.com" }, options)],
    ["revision", buildKey(image, { ...pin, revision: "f".repeat(40) }, options)],
    ["architecture", buildKey({ ...image, architecture: "arm64" }, pin, options)],
    ["shell preset", buildKey({ ...image, shell: false }, pin, options)],
    ["packages", buildKey({ ...image, packages: ["git"] }, pin, options)],
    ["layer budget", buildKey(image, pin, { ...options, layerBudget: 60 })],
    ["popularity", buildKey(image, pin, { ...options, popularity: "ab" })],
    ["compression", buildKey(image, pin, { ...options, compression: "zstd" })],
    ["unfree packages", buildKey(image, pin, { ...options, allowUnfree: true })],
    ["layer plan", buildKey(image, planned, options)],
  ])("changes with the %s", (_, other) => {
    expect(other).not.toBe(key);
  });

  it("does not confuse names that are written alike when joined", () => {
    const keyOf = (packages: readonly string[]) => buildKey({ ...image, packages }, pin, options);
    expect(keyOf(["ab", "c"])).not.toBe(keyOf(["a", "bc"]));
    expect(keyOf(["a", "b,c"])).not.toBe(keyOf(["a,b", "c"]));
  });

  it("says how layers are compressed, to a worker that is set to compress otherwise", () => {
    for (const compression of ["gzip", "zstd", "none"] as const) {
      const asked = buildKey(image, pin, { ...options, compression });
      for (const set of ["gzip", "zstd", "none"] as const) {
        expect(meaningOf(asked, image, pin, { ...options, compression: set })).toEqual({
          compression,
          plan: undefined,
        });
      }
    }
    const otherwise = buildKey(image, pin, { ...options, layerBudget: 60 });
    expect(meaningOf(otherwise, image, pin, options)).toBeUndefined();
  });

  it("is what it was before there were layer plans, where none applies", () => {
    const onlyOther = { ...pin, plans: { arm64: plan } };
    expect(buildKey(image, onlyOther, options)).toBe(key);
    expect(buildKey(image, planned, { ...options, grouping: "dominators" })).toBe(key);
    expect(buildKey(image, { ...pin, plans: {} }, options)).toBe(key);
  });

  it("changes with which plan it is, that of the image's own platform", () => {
    const other = { ...pin, plans: { amd64: digestOf("another plan") } };
    expect(buildKey(image, other, options)).not.toBe(buildKey(image, planned, options));
    const both = { ...pin, plans: { amd64: plan, arm64: digestOf("another plan") } };
    expect(buildKey(image, both, options)).toBe(buildKey(image, planned, options));
  });

  it("says which layer plan it means, to a worker that is set to group otherwise", () => {
    for (const set of ["plan", "dominators"] as const) {
      const own = { ...options, grouping: set };
      const grouped = buildKey(image, planned, options);
      expect(meaningOf(grouped, image, planned, own)).toEqual({ compression: "gzip", plan });
      expect(meaningOf(key, image, planned, own)).toEqual({ compression: "gzip", plan: undefined });
    }
  });

  it("is a constant for these inputs: whoever changes it builds every image anew", () => {
    expect(key).toBe("b56584060f0633b315ada9f460fbf78fd7d3d793b8f05fd2b0b71042d7ff5796");
  });
});
