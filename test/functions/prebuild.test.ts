import { describe, expect, it } from "vitest";
import { anythingGoes, type BuildPolicy } from "../../core/build-policy.ts";
import type { Platforms } from "../../core/image.ts";
import { parsePackagePatterns } from "../../core/package-patterns.ts";
import { parseRevisionPatterns } from "../../core/revision-patterns.ts";
import type { PackageSet } from "../../core/package-set.ts";
import { createCurrentPins } from "../../functions/current-pin.ts";
import { createPrebuild, parsePrebuilds } from "../../functions/prebuild.ts";
import { options, ready } from "../support/builds.ts";
import { stores } from "../support/stores.ts";

const packageSet: PackageSet = { kind: "git", url: "https://example.com/p", reference: "main" };
const commit = "0123456789012345678901234567890123456789";
const times = { freshMs: 300_000, staleMs: Infinity, warmMs: 10_000 };
const soon = () => AbortSignal.timeout(50);

async function prebuilding(platforms: Platforms = ["amd64"], policy: BuildPolicy = anythingGoes) {
  const set = await stores();
  const { cache, queues, now, write: log } = set;
  const { plans } = set;
  const tools = {
    packageSet,
    policy,
    pins: set.pins,
    plans,
    options,
    queue: queues.pin,
    times,
    now,
    log,
  };
  const pins = createCurrentPins(tools);
  const prebuild = createPrebuild({
    cache,
    queue: queues.prebuild,
    pins,
    options,
    log,
    platforms,
    packageSet,
    policy,
  });
  return { ...set, prebuild };
}

describe("an image that is to be prebuilt", () => {
  it("is requested once, in the lane of those that nobody waits for", async () => {
    await using set = await prebuilding();
    const first = await set.prebuild(`shell/git/curl:${commit}`, soon());
    expect(first).toMatchObject({
      state: "requested",
      builds: [{ record: { state: "queued" } }],
    });
    const again = await set.prebuild(`shell/curl/git:${commit}`, soon());
    expect(again).toEqual(first);
    expect(set.published.prebuild).toHaveLength(1);
    expect(set.published.pull).toEqual([]);
  });

  it("that is there already is not asked for", async () => {
    await using set = await prebuilding();
    const first = await set.prebuild(`git:${commit}`, soon());
    if (first.state === "refused") throw new Error(first.message);
    for (const { key } of first.builds) await set.settle(key, ready("git"));
    expect(await set.prebuild(`git:${commit}`, soon())).toMatchObject({
      builds: [{ record: { state: "ready" } }],
    });
    expect(set.published.prebuild).toHaveLength(1);
  });

  it("is requested for every platform that is served, and for one where its name says so", async () => {
    await using set = await prebuilding(["amd64", "arm64"]);
    expect(await set.prebuild(`git:${commit}`, soon())).toMatchObject({
      builds: [
        { record: { image: { architecture: "amd64" } } },
        { record: { image: { architecture: "arm64" } } },
      ],
    });
    expect(await set.prebuild(`arm64/git:${commit}`, soon())).toMatchObject({
      builds: [{ record: { image: { architecture: "arm64" } } }],
    });
    expect(set.published.prebuild).toHaveLength(2);
  });

  it("is built where its tag stands, which is looked up for it", async () => {
    await using set = await prebuilding();
    await expect(set.prebuild("git", soon())).rejects.toThrow("no worker looked the tag up");
    expect(set.published.pin).toMatchObject([{ kind: "pin" }]);
  });

  it("that may not be built is refused, and not asked for, nor is its tag looked up", async () => {
    const packages = parsePackagePatterns("*, -git");
    const policy = { ...anythingGoes, packages, revisions: parseRevisionPatterns("commit:*") };
    await using set = await prebuilding(["amd64"], policy);
    expect(await set.prebuild(`shell/git:${commit}`, soon())).toEqual({
      state: "refused",
      message: "this registry does not build git (denied by git): ask whoever runs this registry",
    });
    expect(await set.prebuild("curl:next", soon())).toMatchObject({
      state: "refused",
      message: expect.stringContaining("anything at next (not among") as string,
    });
    expect(set.published).toEqual({ pull: [], prebuild: [], pin: [] });
  });

  it.each([
    ["Git", /"Git" is not an image name/],
    ["", /is not an image name/],
    ["a:b:c", /"a:b:c" is not a name and a tag/],
    ["git:../../x", /"..\/..\/x" is not a tag that can be built/],
  ])("and is called %s is refused, with what is wrong", async (text, problem) => {
    await using set = await prebuilding();
    const refused = await set.prebuild(text, soon());
    expect(refused).toMatchObject({
      state: "refused",
      message: expect.stringMatching(problem) as string,
    });
  });
});

describe("the message of a prebuild", () => {
  it("names images as a pull does", () => {
    const images = ["shell/git", "python3:nixos-25.11"];
    expect(parsePrebuilds({ images })).toEqual(images);
    expect(parsePrebuilds({ images: [], more: 1 })).toEqual([]);
  });

  it.each([
    [undefined, "it has no list of images"],
    ["shell/git", "it has no list of images"],
    [{ images: "shell/git" }, "it has no list of images"],
    [{ images: [7] }, "7 is not the name of an image"],
    [
      { images: Array.from({ length: 1001 }, () => "git") },
      "it names 1001 images, and at most 1000",
    ],
  ])("that is %j is refused, with the form it should have", (message, problem) => {
    expect(() => parsePrebuilds(message)).toThrow(problem);
  });
});
