import { describe, expect, it } from "vitest";
import { anythingGoes, type BuildPolicy } from "../../core/build-policy.ts";
import type { Image } from "../../core/image.ts";
import { parsePackagePatterns } from "../../core/package-patterns.ts";
import { parsePackageSet } from "../../core/package-set.ts";
import { parseRevisionPatterns } from "../../core/revision-patterns.ts";
import { keptInMemoryMs } from "../../core/retention.ts";
import { failed, ready } from "../support/builds.ts";
import { alice, bob, openAccounts } from "../support/account-registry.ts";
import { problemIn } from "../support/problem.ts";
import { testRegistry } from "../support/registry.ts";

const path = "/v2/git/manifests/latest";
const packageSet = parsePackageSet("nixpkgs:nixos-25.11");
const commit = "0123456789abcdef0123456789abcdef01234567";
const build = async () => ready("git");
const contact = "platform@example.com";
const noGit = { packages: parsePackagePatterns("*, -git"), contact };
const channelsAlone = { revisions: parseRevisionPatterns("nixos-*, -nixos-24.05") };
const gitIsDenied = "this registry does not build git (denied by git): ask platform@example.com";

/** A policy that can be changed while a registry has it, as a restart would. */
function changing(): { readonly policy: BuildPolicy; readonly set: (to: object) => void } {
  const policy = { ...anythingGoes };
  return { policy, set: (to) => void Object.assign(policy, to) };
}

describe("an image that may not be built", () => {
  it("is refused with what is not allowed and who to ask, before anybody is asked to build it", async () => {
    await using registry = await testRegistry({ build, policy: { ...anythingGoes, ...noGit } });
    const answer = await registry.ask(path, { peer: "192.0.2.7" });
    expect(problemIn(answer)).toEqual({ status: 403, code: "DENIED", message: gitIsDenied });
    expect(await registry.ask("/v2/curl/manifests/latest")).toMatchObject({ status: 200 });
    expect(registry.jobs.map(({ kind }) => kind)).toEqual(["pin", "build"]);
    expect(await registry.cache.recent(9)).toMatchObject([{ image: { packages: ["curl"] } }]);
    const refused = registry.log.filter((line) => line.includes("refused"));
    expect(refused).toEqual([`WARNING refused anonymous at 192.0.2.7: git:latest: ${gitIsDenied}`]);
  });

  it("is not kept as refused: what has been allowed since is built at once", async () => {
    const { policy, set } = changing();
    await using registry = await testRegistry({ build, policy });
    set(noGit);
    expect(await registry.ask(path)).toMatchObject({ status: 403 });
    set(anythingGoes);
    expect(await registry.ask(path)).toMatchObject({ status: 200 });
  });

  it("is served where it was built before, by tag and by digest", async () => {
    const { policy, set } = changing();
    await using registry = await testRegistry({ build, policy });
    const before = await registry.ask(path);
    set({ ...noGit, maxPackages: 0, revisions: parseRevisionPatterns("none") });
    expect(await registry.ask(path)).toEqual(before);
    // No longer in the memory of the process, either.
    registry.advance(keptInMemoryMs + 1);
    expect(await registry.ask(path)).toEqual(before);
    const digest = before.headers["docker-content-digest"];
    expect(await registry.ask(`/v2/git/manifests/${digest}`)).toMatchObject({ status: 200 });
    expect(registry.jobs.filter(({ kind }) => kind === "build")).toHaveLength(1);
  });

  it("for one platform is a warning where it is there for another", async () => {
    const { policy, set } = changing();
    await using registry = await testRegistry({
      policy,
      platforms: ["amd64", "arm64"],
      build: async (_key: unknown, _report: unknown, image: Image) => ready(image.architecture),
    });
    await registry.ask("/v2/amd64/git/manifests/latest");
    set(noGit);
    const answer = await registry.ask(path);
    expect(answer.status).toBe(200);
    expect(answer.headers["warning"]).toContain(`arm64: ${gitIsDenied}`);
  });

  it("is refused by its name alone to who may only pull: signing in would not help", async () => {
    const policy = { ...anythingGoes, ...noGit };
    await using registry = await openAccounts({}, { policy });
    const token = await registry.tokenFor(bob, "repository:git:pull");
    const answer = await registry.send(path, `Bearer ${token}`);
    expect(problemIn(answer)).toMatchObject({ status: 403, message: gitIsDenied });
    expect(registry.log.join("\n")).toContain("refused user:bob at 192.0.2.1: git:latest");
    const builder = await registry.tokenFor(alice, "repository:git:pull");
    expect(await registry.send(path, `Bearer ${builder}`)).toMatchObject({ status: 403 });
  });

  it("for a reason that the worker found is refused in the same way, for a minute at the most", async () => {
    const message = "the image has 30000 MB before compression";
    let builds = 0;
    await using registry = await testRegistry({
      build: async () => {
        builds += 1;
        return failed({ reason: "not-allowed", message });
      },
    });
    for (let i = 0; i < 3; i++) {
      expect(problemIn(await registry.ask(path))).toEqual({ status: 403, code: "DENIED", message });
    }
    expect(builds).toBe(1);
    registry.advance(61_000);
    await registry.ask(path);
    expect(builds).toBe(2);
  });
});

describe("a tag at which nothing may be built", () => {
  const policy = { ...anythingGoes, ...channelsAlone, contact };

  it.each([
    ["main", "not among what is built here"],
    ["nixos-24.05", "denied by nixos-24.05"],
    [commit, "not among what is built here"],
  ])("such as %s is refused, and not looked up", async (tag, why) => {
    await using registry = await testRegistry({ build, packageSet, policy });
    expect(problemIn(await registry.ask(`/v2/git/manifests/${tag}`))).toEqual({
      status: 403,
      code: "DENIED",
      message: `this registry does not build anything at ${tag} (${why}): ask platform@example.com`,
    });
    expect(await registry.ask("/v2/git/manifests/nixos-24.11")).toMatchObject({ status: 200 });
    expect(await registry.ask("/v2/git/manifests/latest")).toMatchObject({ status: 200 });
    expect(registry.jobs.map(({ kind }) => kind)).toEqual(["pin", "build", "pin"]);
  });

  it("stands where it stood, with what was built there", async () => {
    const { policy: loose, set } = changing();
    let asked = 0;
    const pin = async () => `r${(asked += 1)}`;
    await using registry = await testRegistry({ build, packageSet, policy: loose, pin });
    const old = "/v2/git/manifests/nixos-24.05";
    await registry.ask(old);
    set(channelsAlone);
    registry.advance(120_000);
    expect(await registry.ask(old)).toMatchObject({ status: 200 });
    expect(await registry.ask("/v2/curl/manifests/nixos-24.05")).toMatchObject({ status: 403 });
    await expect.poll(() => registry.jobs.map(({ kind }) => kind)).toEqual(["pin", "build"]);
    expect(asked).toBe(1);
  });
});
