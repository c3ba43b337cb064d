import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { Evaluation, Nix, Package } from "../../core/ports.ts";
import { need } from "../support/need.ts";
import { realNix } from "../support/nix.ts";
import { writeUnbuiltPackageSet } from "../support/package-set.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const never = new AbortController().signal;

beforeEach((context) => need(context, "nix-store"));

async function evaluate(nix: Nix, packages: readonly string[], optional: readonly string[] = []) {
  const pinned = await nix.pin(undefined, never);
  if (pinned.state !== "pinned") throw new Error(pinned.message);
  const pin = { packageSet: "path", revision: pinned.revision };
  return await nix.evaluate({ pin, architecture: "amd64", packages, optional }, never);
}

function packagesOf(evaluation: Evaluation): readonly Package[] {
  if (evaluation.state !== "evaluated") throw new Error(JSON.stringify(evaluation));
  return evaluation.packages;
}

describe("a name is looked up", () => {
  it("exactly, in any case at every level, and behind the underscore before a digit", async () => {
    await using real = await realNix();
    const asked = [
      "hello",
      "camelcase",
      "mixed",
      "7digits",
      "underscore",
      "nestedset.deeperset.innermost",
    ];
    const packages = packagesOf(await evaluate(real.nix, asked));
    expect(packages.map(({ attribute }) => attribute)).toEqual([
      "hello",
      "camelCase",
      "mixed",
      "_7digits",
      "_underscore",
      "nestedSet.deeperSet.innermost",
    ]);
    expect(packages[0]).toMatchObject({
      asked: "hello",
      name: "hello",
      version: "2.12",
      mainProgram: "hello",
      priority: 5,
      optional: false,
      outputs: [{ name: "out" }],
    });
  });

  it("with the outputs that are for installation, without documentation, or the one that is named", async () => {
    await using real = await realNix();
    const packages = packagesOf(
      await evaluate(real.nix, ["several", "several.dev", "several.man"]),
    );
    expect(packages.map(({ outputs }) => outputs.map(({ name }) => name))).toEqual([
      ["bin"],
      ["dev"],
      ["man"],
    ]);
  });

  it("and left out where it is optional and not there, or cannot be had", async () => {
    await using real = await realNix();
    const packages = packagesOf(
      await evaluate(real.nix, ["hello"], ["base", "nowhere", "throws", "nestedset"]),
    );
    expect(packages.map(({ asked, optional }) => [asked, optional])).toEqual([
      ["hello", false],
      ["base", true],
    ]);
  });

  it("and is a string and nothing else, whatever it looks like", async () => {
    await using real = await realNix();
    const odd = ['a"b', "${builtins.abort 1}", "a''b", "x.${y}", "__proto__", "hello.out.out"];
    const evaluation = await evaluate(real.nix, odd.slice(0, 5));
    expect(evaluation).toMatchObject({
      state: "packages-unknown",
      unknown: odd.slice(0, 5).map((asked) => ({ asked, reason: "not-found" })),
    });
  });
});

describe("what cannot be had is said", () => {
  it("for all names at once", async () => {
    await using real = await realNix();
    expect(
      await evaluate(real.nix, [
        "helo",
        "hello",
        "nestedset",
        "twoways",
        "nestedset.iner",
        "hello.nothing",
      ]),
    ).toEqual({
      state: "packages-unknown",
      unknown: [
        { asked: "helo", reason: "not-found", suggestions: ["hello"] },
        {
          asked: "nestedset",
          reason: "not-a-package",
          suggestions: ["nestedSet.deeperSet", "nestedSet.inner"],
        },
        { asked: "twoways", reason: "ambiguous", suggestions: ["TwoWays", "twoWays"] },
        { asked: "nestedset.iner", reason: "not-found", suggestions: ["nestedSet.inner"] },
        { asked: "hello.nothing", reason: "not-found", suggestions: [] },
      ],
    });
  });

  it.each([
    [["throws", "hello"], /^throws: this package throws on purpose$/],
    [
      ["wrong", "throws"],
      /^wrong: attribute 'noSuchAttribute' missing[^]*\nthrows: this package throws on purpose$/,
    ],
    [["unfree"], /^unfree: Package 'unfree-1.0' has an unfree license, refusing to evaluate\.$/],
    [["broken"], /^broken: Package 'broken-1.0' is marked as broken, refusing to evaluate\.$/],
  ])("in Nix's own words: %j", async (names, message) => {
    await using real = await realNix();
    const evaluation = await evaluate(real.nix, names);
    expect(evaluation).toMatchObject({
      state: "evaluation-failed",
      message: expect.stringMatching(message) as string,
    });
  });

  it("and unfree packages are built where that is allowed", async () => {
    await using real = await realNix(undefined, true);
    expect(packagesOf(await evaluate(real.nix, ["unfree"]))).toHaveLength(1);
  });
});

describe("packages are realised", () => {
  const wanted = (packages: readonly Package[]) => ({
    packages,
    root: "test",
    timeoutMs: 60_000,
    onProgress: () => undefined,
  });

  it("with a root that keeps them from garbage collection until it is released", async () => {
    await using real = await realNix();
    const packages = packagesOf(await evaluate(real.nix, ["hello", "several"]));
    expect(await real.nix.realise(wanted(packages), never)).toEqual({ state: "realised" });
    expect((await readdir(join(real.roots, "builds", "test"))).length).toBeGreaterThan(0);
    const outputs = packages.flatMap((each) => each.outputs.map(({ path }) => path));
    expect(outputs.every((path) => existsSync(path))).toBe(true);
    const closure = await real.nix.closure(outputs, never);
    const hello = closure.find(({ path }) => path.endsWith("-hello-2.12"));
    expect(hello?.references).toEqual([expect.stringMatching(/-base-1\.0$/)]);
    expect(hello?.size).toBeGreaterThan(0);
    await real.nix.release("test");
    expect(existsSync(join(real.roots, "builds", "test"))).toBe(false);
  });

  it("or the failure is told, with the end of the log of the package at fault", async () => {
    await using real = await realNix();
    const packages = packagesOf(await evaluate(real.nix, ["needsfailing"]));
    expect(await real.nix.realise(wanted(packages), never)).toEqual({
      state: "build-failed",
      message: "builder for 'fails-1.0' failed with exit code 3",
      log: ["compiling", "fatal: the flux capacitor is missing"],
    });
  });

  it("or stopped when they take too long", async () => {
    // The store may hold what some former run has waited for to the end.
    await using folder = await temporaryFolder();
    await using real = await realNix(await writeUnbuiltPackageSet(folder.path));
    const packages = packagesOf(await evaluate(real.nix, ["slowest"]));
    const realised = await real.nix.realise({ ...wanted(packages), timeoutMs: 1500 }, never);
    expect(realised).toMatchObject({ state: "timed-out" });
  }, 15_000);
});
