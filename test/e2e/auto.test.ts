import { rename } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startFirn } from "../support/firn.ts";
import { need, needRoot } from "../support/need.ts";
import { createNixpkgs } from "../support/nixpkgs.ts";
import { pull } from "../support/pull.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const packageSet = "auto";

test("nixpkgs is served where it is in reach, and stays what latest means when it no longer is", async (context) => {
  need(context, "git");
  await using folder = await temporaryFolder();
  const nixpkgs = await createNixpkgs(folder.path);
  const commit = await nixpkgs.publish("nixos-unstable");
  const options = { ...nixpkgs.options, packageSet, data: join(folder.path, "data") };
  await using firn = await startFirn(options);
  expect(firn.revision).toBe(commit);
  const { config, digest } = await pull(firn, "hello");
  expect(config.config.Labels["firn.package-set"]).toBe("nixpkgs");
  await firn.stop();

  await rename(nixpkgs.repository.path, join(folder.path, "away"));
  await using again = await startFirn(options);
  expect(again.revision).toBe(commit);
  expect((await pull(again, "hello")).digest).toBe(digest);
});

test("the starter set is served where nixpkgs is out of reach, which is said in one line", async (context) => {
  need(context, "apt-get");
  needRoot(context);
  await using firn = await startFirn({
    packageSet,
    env: { FIRN_NIXPKGS_REPOSITORY: "file:///nowhere/at/all" },
  });
  const said = firn.log.filter(({ message }) => message.includes("starter set"));
  expect(
    said.filter(({ severity }) => severity === "INFO").map(({ message }) => message),
  ).toContain("nixpkgs is out of reach: serving the starter set");
});

test("the starter set is served where this Nix is too old for nixpkgs, and why is said", async (context) => {
  need(context, "git", "apt-get");
  needRoot(context);
  await using folder = await temporaryFolder();
  const nixpkgs = await createNixpkgs(folder.path);
  const complaint = "This version of Nixpkgs requires Nix >= 99";
  await nixpkgs.publish("nixos-unstable", `{ ... }: throw "${complaint}"`);
  await using firn = await startFirn({ ...nixpkgs.options, packageSet });
  expect(firn.log.map(({ message }) => message)).toContainEqual(
    expect.stringMatching(
      /^nixpkgs is in reach, but this Nix cannot evaluate it \(.*requires Nix >= 99.*\): serving the starter set$/,
    ),
  );
});
