import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { parsePackagePatterns } from "../../core/package-patterns.ts";
import { parsePackageSet } from "../../core/package-set.ts";
import { prepareNix } from "../../worker/prepare-nix.ts";
import { need } from "../support/need.ts";
import { realNix } from "../support/nix.ts";
import { writeQuickPackageSet } from "../support/package-set.ts";
import { cacheOf, policyWorker } from "../support/policy-worker.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

beforeEach((context) => need(context, "nix-store"));

const here = "this registry does not build";
const ask = "ask whoever runs this registry";

describe("what a name means is judged by the worker as well", () => {
  const aliases = `
    greeter = hello;
    elsewhere.greeter = hello;
    elsewhere.innermost = nestedSet.deeperSet.innermost;
    several_2 = several;
    tools.dev = base;
  `;

  it.each([
    ["*, -hello", "greeter", "greeter (it is hello, which is denied)"],
    [
      "*, -hello",
      "camelcase/elsewhere.greeter",
      "elsewhere.greeter (it is hello, which is denied)",
    ],
    // The attributes of a large set are not all looked at: only those of the same name.
    [
      "*, -nestedSet.deeperSet.*",
      "elsewhere.innermost",
      "elsewhere.innermost (it is nestedSet.deeperSet.innermost, which is denied)",
    ],
    ["*, -several", "several_2.dev", "several_2.dev (it is several, which is denied)"],
    // One that cannot be evaluated does not keep the others from being found.
    ["*, -wrong, -throws, -hello", "greeter", "greeter (it is hello, which is denied)"],
    // No output, though it is called like one.
    ["tools", "tools.dev", "tools.dev (not among what is built here)"],
    ["hello, several", "several.bin/base", "base (not among what is built here)"],
  ])("with %s, %s is refused: %s", async (packages, name, why) => {
    await using folder = await temporaryFolder();
    const set = await writeQuickPackageSet(folder.path, aliases);
    await using worker = await policyWorker(set, { packages: parsePackagePatterns(packages) });
    expect(await worker.refusalOf(name)).toBe(`${here} ${why}: ${ask}`);
  });

  it("and what is allowed is built, with dependencies that nobody could ask for", async () => {
    await using folder = await temporaryFolder();
    const set = await writeQuickPackageSet(folder.path, aliases);
    const packages = parsePackagePatterns("camelCase, several, *Set.*, -hello, -fresh.*");
    await using worker = await policyWorker(set, { packages });
    for (const name of ["camelcase/several.man", "nestedset.deeperset.innermost"]) {
      expect(await worker.settle(name)).toMatchObject({ state: "ready" });
    }
  });

  it("before anything is evaluated, where the name alone says it", async () => {
    await using folder = await temporaryFolder();
    let evaluations = 0;
    await using worker = await policyWorker(await writeQuickPackageSet(folder.path), {
      packages: parsePackagePatterns("*, -hello"),
      maxPackages: 2,
      around: (nix) => ({
        ...nix,
        evaluate: (...question) => {
          evaluations += 1;
          return nix.evaluate(...question);
        },
      }),
    });
    expect(await worker.refusalOf("hello")).toContain("hello (denied by hello)");
    expect(await worker.refusalOf("a/b/c")).toContain("images of 3 packages (at most 2");
    expect(evaluations).toBe(0);
  });
});

const noise = `
  large = make { pname = "large"; script = "head -c 3000000 /dev/urandom > $out/share/large/noise"; };
`;

describe("an image that is too large", () => {
  it("is refused once its packages are built, with its size and the limit", async () => {
    await using folder = await temporaryFolder();
    const set = await writeQuickPackageSet(folder.path, noise);
    await using worker = await policyWorker(set, { maxClosureMb: 2 });
    expect(await worker.refusalOf("large")).toBe(
      `the image has 4 MB before compression, and this registry builds at most 2 MB: name fewer packages, or ${ask}`,
    );
    expect(await worker.settle("hello")).toMatchObject({ state: "ready" });
  });

  it("is refused before it is fetched, where a binary cache has it", async () => {
    await using folder = await temporaryFolder();
    const set = await writeQuickPackageSet(folder.path, noise);
    await using real = await realNix(set);
    const cache = await cacheOf(folder.path, real.nix, ["large"]);
    await using worker = await policyWorker(set, { maxClosureMb: 2, cache });
    expect(await worker.refusalOf("large")).toContain("the image has at least 3 MB before");
    // Nothing of it was read.
    await rm(join(folder.path, "cache/nar"), { recursive: true });
    expect(await worker.refusalOf("large")).toContain("the image has at least 3 MB before");
  });
});

describe("where nothing is built from source", () => {
  /** Packages whose builders leave a file behind, wherever they run. */
  const traced = (traces: string) => {
    const trace = (name: string) => `mkdir -p ${traces}; echo built > ${traces}/${name}`;
    return `
      cached = make { pname = "cached"; references = [ base ]; };
      needed = make { pname = "needed"; script = "${trace("needed")}"; };
      compiled = make { pname = "compiled"; references = [ needed cached ]; script = "${trace("compiled")}"; };
      joined = derivation {
        name = "joined-1.0";
        inherit system;
        builder = "/bin/sh";
        args = [ "-c" "PATH=/bin:/usr/bin; ${trace("joined")}; mkdir $out" ];
        preferLocalBuild = true;
        allowSubstitutes = false;
      };
      imported = import (derivation {
        name = "imported.nix";
        inherit system;
        builder = "/bin/sh";
        args = [ "-c" "PATH=/bin:/usr/bin; ${trace("imported")}; echo '{ }' > $out" ];
        preferLocalBuild = true;
      }) // base;
    `;
  };

  it("what a binary cache has is served, and the rest refused by name, without a builder having run", async () => {
    await using folder = await temporaryFolder();
    const traces = join(folder.path, "traces");
    const set = await writeQuickPackageSet(folder.path, traced(traces));
    await using real = await realNix(set);
    const cache = await cacheOf(folder.path, real.nix, ["cached", "joined"]);
    expect(await readdir(traces)).toEqual(["joined"]);
    await rm(traces, { recursive: true });

    await using wary = await policyWorker(set, { fromSource: "never", cache, requireSigs: true });
    await expect(wary.settle("cached")).rejects.toThrow("is not signed by any of the keys");
    const imports = { cache, importFromDerivation: true };
    await using worker = await policyWorker(set, { fromSource: "never", ...imports });
    const no = "firn does not compile here, and these are in no binary cache";
    expect(await worker.refusalOf("cached/compiled")).toBe(
      `${no}: compiled-1.0, needed-1.0; ${ask}`,
    );
    expect(await worker.refusalOf("fresh.n1/fresh.n2/fresh.n3/fresh.n4/fresh.n5/fresh.n6")).toBe(
      `${no}: fresh-1-1.0, fresh-2-1.0, fresh-3-1.0, fresh-4-1.0, fresh-5-1.0 (and 1 more); ${ask}`,
    );
    expect(await worker.settle("imported")).toMatchObject({
      state: "failed",
      failure: { reason: "evaluation-failed" },
    });
    // Said by its own derivation to be built rather than fetched; it is fetched all the same.
    expect(await worker.settle("cached/joined")).toMatchObject({ state: "ready" });
    expect(existsSync(traces)).toBe(false);
    await using other = await policyWorker(set, imports);
    expect(await other.settle("imported/compiled")).toMatchObject({ state: "ready" });
    expect((await readdir(traces)).toSorted()).toEqual(["compiled", "imported", "needed"]);
  }, 60_000);

  it("a binary cache that does not answer is trouble of the registry's, not of who asked", async () => {
    await using folder = await temporaryFolder();
    const set = await writeQuickPackageSet(folder.path);
    const cache = "http://127.0.0.1:1/";
    await using worker = await policyWorker(set, { fromSource: "never", cache });
    await expect(worker.settle("hello")).rejects.toThrow(
      `a binary cache does not answer: ${cache}`,
    );
  });

  it("the starter set is not served, which is said at the start", async () => {
    await using folder = await temporaryFolder();
    const told = { environment: process.env, data: folder.path, nixConfig: "substituters =" };
    const prepared = await prepareNix(
      { ...told, sandbox: "off", allowUnfree: false, log: () => undefined, fromSource: "never" },
      new AbortController().signal,
    );
    expect(() => prepared.nixFor(parsePackageSet("starter"))).toThrow(
      'FIRN_BUILD_FROM_SOURCE is "never", and all of the starter set is built here',
    );
  });
});
