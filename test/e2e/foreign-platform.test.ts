import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { startFirn } from "../support/firn.ts";
import { need } from "../support/need.ts";
import { writeUnbuiltPackageSet } from "../support/package-set.ts";
import { program } from "../support/program.ts";
import { problemOf, pull } from "../support/pull.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

// A package set whose builders are of the platform that they build for, as those of nixpkgs are.
const [own, foreign] =
  process.arch === "arm64"
    ? (["aarch64-linux", { architecture: "amd64", system: "x86_64-linux" }] as const)
    : (["x86_64-linux", { architecture: "arm64", system: "aarch64-linux" }] as const);

beforeEach((context) => need(context, "nix-store"));

test("a package that only the other platform can build is a failure that names it and says what to do", async () => {
  await using folder = await temporaryFolder();
  await using firn = await startFirn({ packageSet: await writeUnbuiltPackageSet(folder.path) });
  const response = await firn.manifest(`${foreign.architecture}/hello`);
  expect(await problemOf(response)).toEqual({
    status: 404,
    code: "MANIFEST_UNKNOWN",
    message: expect.stringMatching(
      `(?:base-1.0|hello-2.12) has to be built for ${foreign.system}, which this machine, a ${own}, cannot do, and no binary cache has it: FIRN_NIX_CONFIG can name a cache that has it \\(substituters\\), or a machine that builds it \\(builders\\)`,
    ) as string,
  });
  expect(await firn.builds()).toMatchObject([
    { state: "failed", failure: { reason: "build-failed" } },
  ]);
});

test("what a binary cache has of the other platform is served as an image of it", async () => {
  await using folder = await temporaryFolder();
  const packageSet = await writeUnbuiltPackageSet(folder.path);
  const cache = `file://${join(folder.path, "cache")}`;
  // The fixture's builder is a shell script, which this machine runs where it is told that it may.
  const lines = ["substituters =", "sandbox = false", `extra-platforms = ${foreign.system}`];
  const root = process.getuid?.() === 0 ? ["build-users-group ="] : [];
  const env = { NIX_CONFIG: [...lines, ...root].join("\n"), NIX_PATH: "" };
  const attribute = ["--argstr", "system", foreign.system, "--attr", "hello"];
  const built = await program("nix-build", ["--no-out-link", ...attribute, packageSet], { env });
  const hello = built.stdout.trim();
  const command = ["--extra-experimental-features", "nix-command"];
  await program("nix", [...command, "copy", "--to", cache, hello], { env });
  const closure = await program("nix-store", ["--query", "--requisites", hello], { env });
  await program("nix-store", ["--delete", ...closure.stdout.split("\n")], { env });

  const config = `sandbox = false; substituters = ${cache}; require-sigs = false`;
  await using firn = await startFirn({ packageSet, env: { FIRN_NIX_CONFIG: config } });
  const image = await pull(firn, `${foreign.architecture}/hello`);
  expect(image.config.architecture).toBe(foreign.architecture);
  expect(image.config.config.Cmd).toEqual(["/bin/hello"]);
  const paths = image.layers.flatMap(({ entries }) => entries.map(({ path }) => `/${path}`));
  expect(paths).toContain(hello);
});
