import { describe, expect, it } from "vitest";
import { parsePackageSet } from "../../core/package-set.ts";
import { ready } from "../support/builds.ts";
import { testRegistry } from "../support/registry.ts";

const packageSet = parsePackageSet("nixpkgs:nixos-25.11");
const build = async () => ready("git");
const pull = "/v2/git/manifests/latest";

describe("a tag", () => {
  it("is looked up once for many pulls", async () => {
    const asked: (string | undefined)[] = [];
    const pin = async (reference: string | undefined) => {
      asked.push(reference);
      return "r1";
    };
    await using registry = await testRegistry({ packageSet, build, pin });
    await Promise.all(Array.from({ length: 20 }, () => registry.ask(pull)));
    await registry.ask(pull);
    expect(asked).toEqual(["nixos-25.11"]);
  });

  it("that selects nothing is an error, which is remembered for a while", async () => {
    let asked = 0;
    const pin = async () => void (asked += 1);
    await using registry = await testRegistry({
      packageSet,
      build,
      pin: async () => (await pin(), undefined),
    });
    for (let i = 0; i < 3; i++) {
      expect(await registry.ask("/v2/git/manifests/nixos-1.0")).toMatchObject({
        status: 404,
        text: '{"errors":[{"code":"MANIFEST_UNKNOWN","message":"no nixos-1.0"}]}',
      });
    }
    expect(asked).toBe(1);
    registry.advance(31_000);
    await registry.ask("/v2/git/manifests/nixos-1.0");
    expect(asked).toBe(2);
  });

  it("that is a commit is not looked up at all", async () => {
    await using registry = await testRegistry({ packageSet, build });
    expect(await registry.ask(`/v2/git/manifests/${"0".repeat(40)}`)).toMatchObject({
      status: 200,
    });
    expect(registry.jobs.map(({ kind }) => kind)).toEqual(["build"]);
  });

  it("whose pin is stale is served from it at once, and from the new one afterwards", async () => {
    let revision = "r1";
    await using registry = await testRegistry({ packageSet, build, pin: async () => revision });
    await registry.ask(pull);
    revision = "r2";
    registry.advance(61_000);
    await registry.ask(pull);
    expect((await registry.cache.recent(5)).map(({ pin }) => pin.revision)).toEqual(["r1"]);
    await expect
      .poll(async () => {
        await registry.ask(pull);
        return (await registry.cache.recent(5)).map(({ pin }) => pin.revision);
      })
      .toEqual(["r2", "r1"]);
    expect(registry.jobs.filter(({ kind }) => kind === "pin")).toHaveLength(2);
  });
});
