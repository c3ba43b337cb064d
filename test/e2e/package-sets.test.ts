import { once } from "node:events";
import { rename, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { startFirn, type Firn } from "../support/firn.ts";
import { need } from "../support/need.ts";
import { createNixpkgs, createRepository } from "../support/nixpkgs.ts";
import { unbuiltExpression, writeUnbuiltPackageSet } from "../support/package-set.ts";
import { digestOf, problemOf, pull } from "../support/pull.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

async function revisionOf(firn: Firn, tag: string): Promise<string | undefined> {
  const { config } = await pull(firn, "hello", tag);
  return config.config.Labels["firn.revision"];
}

describe("nixpkgs", () => {
  test("latest is the configured channel; another channel and a commit are tags", async (context) => {
    need(context, "git");
    await using folder = await temporaryFolder();
    const nixpkgs = await createNixpkgs(folder.path);
    const unstable = await nixpkgs.publish("nixos-unstable");
    const old = await nixpkgs.publish("nixos-25.11");
    const stable = await nixpkgs.publish("nixos-25.11");
    await using firn = await startFirn(nixpkgs.options);
    expect(firn.revision).toBe(stable);
    expect(await revisionOf(firn, "latest")).toBe(stable);
    expect(await revisionOf(firn, "nixos-25.11")).toBe(stable);
    expect(await revisionOf(firn, "nixos-unstable")).toBe(unstable);
    expect(await revisionOf(firn, old)).toBe(old);
    expect(await digestOf(firn, "hello", stable)).toBe(await digestOf(firn, "hello"));

    expect(await problemOf(await firn.manifest("hello", "nixos-24.05"))).toEqual({
      status: 404,
      code: "MANIFEST_UNKNOWN",
      message:
        'the package set has no branch or tag "nixos-24.05": use latest, another branch or tag, or a commit',
    });
    const unheard = "0123456789012345678901234567890123456789";
    expect(await problemOf(await firn.manifest("hello", unheard))).toMatchObject({
      status: 404,
      code: "MANIFEST_UNKNOWN",
      message: expect.stringContaining(`no revision ${unheard}: use latest`) as string,
    });
  });

  test("a channel that moved is served as it was, at once, until the new revision is known", async (context) => {
    need(context, "git");
    await using folder = await temporaryFolder();
    const nixpkgs = await createNixpkgs(folder.path);
    const first = await nixpkgs.publish("nixos-25.11");
    await using firn = await startFirn(nixpkgs.options);
    expect(await revisionOf(firn, "latest")).toBe(first);
    const before = await digestOf(firn, "hello");
    const second = await nixpkgs.publish("nixos-25.11");
    const asked = performance.now();
    expect(await digestOf(firn, "hello")).toBe(before);
    expect(performance.now() - asked).toBeLessThan(2000);
    await eventually(
      "the channel moves",
      async () => (await revisionOf(firn, "latest")) === second,
    );
    // What the channel was before is still there, by its commit.
    expect(await digestOf(firn, "hello", first)).toBe(before);
  });

  test("without repository, tarballs and network a restart serves what was built, by latest too", async (context) => {
    need(context, "git");
    await using folder = await temporaryFolder();
    const nixpkgs = await createNixpkgs(folder.path);
    const commit = await nixpkgs.publish("nixos-25.11");
    const data = join(folder.path, "data");
    await using firn = await startFirn({ ...nixpkgs.options, data });
    const digest = await digestOf(firn, "hello");
    expect(await firn.stop()).toEqual({ code: 0, signal: null });
    await rename(nixpkgs.repository.path, join(folder.path, "away"));
    await rename(nixpkgs.tarballs, join(folder.path, "tarballs-away"));

    await using again = await startFirn({ ...nixpkgs.options, data });
    expect(again.revision).toBe(commit);
    for (const tag of ["latest", commit]) expect(await digestOf(again, "hello", tag)).toBe(digest);
    expect(await digestOf(again, "hello")).toBe(digest);
    // What was not built before needs the source only, which the Nix store has kept.
    await pull(again, "base");
    await pull(again, "hello", digest);
  });
});

describe("a git repository", () => {
  test("latest is its default branch; branches, tags of both kinds and commits are tags", async (context) => {
    need(context, "git");
    await using folder = await temporaryFolder();
    const repository = await createRepository(folder.path);
    const first = await repository.commit("main");
    await repository.git("tag", "light");
    const second = await repository.commit("main");
    await repository.git("tag", "-a", "annotated", "-m", "annotated");
    const other = await repository.commit("next");
    const third = await repository.commit("main");
    await using firn = await startFirn({ packageSet: `git+file://${repository.path}` });
    expect(firn.revision).toBe(third);
    expect(await revisionOf(firn, "latest")).toBe(third);
    expect(await revisionOf(firn, "main")).toBe(third);
    expect(await revisionOf(firn, "next")).toBe(other);
    expect(await revisionOf(firn, "light")).toBe(first);
    expect(await revisionOf(firn, "annotated")).toBe(second);
    expect(await revisionOf(firn, first)).toBe(first);
    expect(await problemOf(await firn.manifest("hello", "nowhere"))).toMatchObject({
      status: 404,
      message: expect.stringContaining('no branch or tag "nowhere"') as string,
    });
    const unheard = "0123456789012345678901234567890123456789";
    expect(await problemOf(await firn.manifest("hello", unheard))).toMatchObject({
      status: 404,
      message: expect.stringContaining(`no revision ${unheard}`) as string,
    });
  });

  test.for(["next", "annotated", "a commit"])(
    "the setting may name %s for latest",
    async (what, context) => {
      need(context, "git");
      await using folder = await temporaryFolder();
      const repository = await createRepository(folder.path);
      const wanted = await repository.commit("next");
      await repository.git("tag", "-a", "annotated", "-m", "annotated");
      await repository.commit("main");
      const reference = what === "a commit" ? wanted : what;
      const packageSet = `git+file://${repository.path}#${reference}`;
      await using firn = await startFirn({ packageSet });
      expect(firn.revision).toBe(wanted);
      expect(await revisionOf(firn, "latest")).toBe(wanted);
    },
  );

  test("a restart without it serves what was built, by latest too", async (context) => {
    need(context, "git");
    await using folder = await temporaryFolder();
    const repository = await createRepository(folder.path);
    await repository.commit("main");
    const options = {
      packageSet: `git+file://${repository.path}`,
      data: join(folder.path, "data"),
    };
    await using firn = await startFirn(options);
    const digest = await digestOf(firn, "hello");
    await firn.stop();
    await rename(repository.path, join(folder.path, "away"));
    await using again = await startFirn(options);
    expect(await digestOf(again, "hello")).toBe(digest);
  });
});

describe("a folder", () => {
  test("that changes is served changed, and what it was stays there by its revision", async () => {
    await using folder = await temporaryFolder();
    const packageSet = await writeUnbuiltPackageSet(folder.path);
    await using firn = await startFirn({ packageSet });
    const before = await digestOf(firn, "hello");
    await writeFile(
      join(packageSet, "default.nix"),
      await unbuiltExpression(`${packageSet} changed`),
    );
    await eventually(
      "the change is served",
      async () => (await digestOf(firn, "hello")) !== before,
      5000,
    );
    expect(await digestOf(firn, "hello", firn.revision)).toBe(before);
  });
});

test("binary caches that take connections and do not answer hold no build up", async () => {
  await using folder = await temporaryFolder();
  const connections: Socket[] = [];
  const silent = createServer((socket) => connections.push(socket)).listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo; // it listens on a port
  await writeFile(join(folder.path, "nix.conf"), `substituters = http://127.0.0.1:${port}/\n`);
  try {
    await using firn = await startFirn({
      packageSet: await writeUnbuiltPackageSet(folder.path),
      env: { NIX_CONF_DIR: folder.path, FIRN_NIX_CONFIG: "sandbox = false" },
    });
    const seen = connections.length;
    expect(seen).toBeGreaterThan(0);
    const asked = performance.now();
    await pull(firn, "hello");
    expect(performance.now() - asked).toBeLessThan(3000);
    expect(connections).toHaveLength(seen);
  } finally {
    for (const socket of connections) socket.destroy();
    silent.close();
  }
});
