import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { need } from "../support/need.ts";
import { realNix } from "../support/nix.ts";
import { program } from "../support/program.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const never = new AbortController().signal;

beforeEach((context) => need(context, "nix-store"));

describe("a folder is pinned by its content", () => {
  it("whatever git keeps beside it, and wherever it lies", async () => {
    await using one = await temporaryFolder();
    await using two = await temporaryFolder();
    for (const { path } of [one, two]) await writeFile(join(path, "default.nix"), "{ }");
    await mkdir(join(two.path, ".git"));
    await writeFile(join(two.path, ".git", "index"), "changes all the time");
    await using first = await realNix(one.path);
    await using second = await realNix(two.path);
    const pinned = await first.nix.pin(undefined, never);
    expect(pinned).toMatchObject({
      state: "pinned",
      revision: expect.stringMatching(/^[0-9a-z]{32}$/) as string,
    });
    expect(await second.nix.pin(undefined, never)).toEqual(pinned);
    await writeFile(join(one.path, "default.nix"), "{ a = 1; }");
    expect(await first.nix.pin(undefined, never)).not.toEqual(pinned);
    // The former revision is still to be had by its name.
    const former = pinned.state === "pinned" ? pinned.revision : undefined;
    expect(await first.nix.pin(former, never)).toEqual(pinned);
  });

  it("and its copy is made again where the store has lost it, as long as it is the same", async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, "default.nix"), `{ } # ${folder.path}`);
    const lose = async () => {
      await using former = await realNix(folder.path);
      const pinned = await former.nix.pin(undefined, never);
      if (pinned.state !== "pinned") throw new Error(pinned.message);
      return pinned.revision;
    };
    const revision = await lose();
    const copy = `/nix/store/${revision}-source`;
    await program("nix-store", ["--delete", "--ignore-liveness", copy]);
    await using real = await realNix(folder.path);
    const pin = { packageSet: "path", revision };
    const question = { pin, architecture: "amd64", packages: ["nope"], optional: [] } as const;
    expect(await real.nix.evaluate(question, never)).toMatchObject({ state: "packages-unknown" });
    expect(existsSync(copy)).toBe(true);
    await program("nix-store", ["--delete", "--ignore-liveness", copy]);
    await writeFile(join(folder.path, "default.nix"), "{ other = 1; }");
    expect(await real.nix.evaluate(question, never)).toMatchObject({ state: "revision-unknown" });
  });

  it("and what else the store has is no revision of it", async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, "default.nix"), "{ private = 1; }");
    await using theirs = await realNix(folder.path);
    const pinned = await theirs.nix.pin(undefined, never);
    if (pinned.state !== "pinned") throw new Error(pinned.message);
    await using real = await realNix();
    expect(await real.nix.pin(pinned.revision, never)).toMatchObject({ state: "revision-unknown" });
  });

  it.each(["nixos-25.11", "0".repeat(32), "../../etc"])(
    "and %s is no revision of it",
    async (reference) => {
      await using real = await realNix();
      expect(await real.nix.pin(reference, never)).toMatchObject({
        state: "revision-unknown",
        message: `the package set has no revision "${reference}": use latest, or a revision that was served before`,
      });
    },
  );

  it("and one that is not there is an error that names it", async () => {
    await using real = await realNix("/nowhere/at/all");
    await expect(real.nix.pin(undefined, never)).rejects.toThrow("/nowhere/at/all");
  });
});
