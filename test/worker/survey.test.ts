import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { Nix, Survey } from "../../core/ports.ts";
import { planName } from "../../worker/layer-plan.ts";
import { need } from "../support/need.ts";
import { realNix } from "../support/nix.ts";
import { writeQuickPackageSet } from "../support/package-set.ts";
import { program } from "../support/program.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const never = new AbortController().signal;
const further = `
  listed = { recurseForDerivations = true; one = make { pname = "one"; }; bad = throw "no"; };
  hidden = { two = make { pname = "two"; }; };
  odd = (make { pname = "odd"; }) // { outputs = [ ]; };
`;

beforeEach((context) => need(context, "nix-store"));

async function pinOf(nix: Nix) {
  const pinned = await nix.pin(undefined, never);
  if (pinned.state !== "pinned") throw new Error(pinned.message);
  return { packageSet: "path", revision: pinned.revision };
}

async function survey(nix: Nix): Promise<Survey> {
  return await nix.survey(await pinOf(nix), "amd64", never);
}

/** Builds packages and gives their paths. */
async function build(nix: Nix, packages: readonly string[]): Promise<readonly string[]> {
  const pin = await pinOf(nix);
  const question = { pin, architecture: "amd64", packages, optional: [] } as const;
  const evaluation = await nix.evaluate(question, never);
  if (evaluation.state !== "evaluated") throw new Error(JSON.stringify(evaluation));
  const wanted = { packages: evaluation.packages, root: "survey", timeoutMs: 60_000 };
  await nix.realise({ ...wanted, onProgress: () => undefined }, never);
  await nix.release("survey");
  return evaluation.packages.flatMap(({ outputs }) => outputs.map(({ path }) => path));
}

function namesIn({ paths }: Survey): readonly string[] {
  return paths.map(({ path }) => planName(path)).toSorted();
}

describe("the packages of a set", () => {
  it("are all but the broken, the unfree and those that cannot be evaluated; nothing is built", async () => {
    await using folder = await temporaryFolder();
    await using real = await realNix(await writeQuickPackageSet(folder.path, further));
    const { packages, paths } = await survey(real.nix);
    const attributes = packages.map(({ attribute }) => attribute);
    expect(attributes).toEqual(expect.arrayContaining(["_7digits", "hello", "listed.one", "slow"]));
    for (const name of ["broken", "unfree", "throws", "wrong", "odd", "listed.bad", "hidden.two"]) {
      expect(attributes).not.toContain(name);
    }
    const several = packages.find(({ attribute }) => attribute === "several");
    expect(several?.outputs.map(planName)).toEqual(["several-bin"]);
    expect(paths).toEqual([]);
  });

  it("are known as far as they are in the store, with what they refer to", async () => {
    await using folder = await temporaryFolder();
    await using real = await realNix(await writeQuickPackageSet(folder.path));
    await build(real.nix, ["camelcase"]);
    const known = await survey(real.nix);
    expect(namesIn(known)).toEqual(["base", "camel-case", "hello"]);
    const base = known.paths.find(({ path }) => planName(path) === "base");
    expect(base?.size).toBeGreaterThan(100_000);
    expect(known.paths.find(({ path }) => planName(path) === "hello")?.references).toEqual([
      base?.path,
    ]);
  });
});

describe("a binary cache", () => {
  /** A package set whose packages are in a cache that Nix made, and no longer in the store. */
  async function cached(folder: string) {
    const packageSet = await writeQuickPackageSet(folder);
    const cache = join(folder, "cache");
    await using real = await realNix(packageSet);
    const paths = await build(real.nix, ["camelcase"]);
    const closure = await real.nix.closure(paths, never);
    const nixCommand = ["--extra-experimental-features", "nix-command"];
    await program("nix", [...nixCommand, "copy", "--to", `file://${cache}`, ...paths]);
    await program("nix-store", ["--delete", ...closure.map(({ path }) => path)]);
    return { packageSet, cache, closure };
  }

  it("that is a folder tells what the store does not have", async () => {
    await using folder = await temporaryFolder();
    const { packageSet, cache, closure } = await cached(folder.path);
    await using real = await realNix(packageSet, false, { caches: [`file://${cache}`] });
    const known = await survey(real.nix);
    expect(known.paths.toSorted((a, b) => (a.path < b.path ? -1 : 1))).toEqual(
      closure.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    );
    // What was answered is kept.
    await rm(cache, { recursive: true });
    expect(namesIn(await survey(real.nix))).toEqual(["base", "camel-case", "hello"]);
  });

  it("is asked by HTTP, each path once, and again where it fails for a moment", async () => {
    await using folder = await temporaryFolder();
    const { packageSet, cache } = await cached(folder.path);
    const asked = new Map<string, number>();
    const server = createServer((request, response) => {
      const url = request.url ?? "";
      const times = (asked.get(url) ?? 0) + 1;
      asked.set(url, times);
      if (times === 1) {
        response.writeHead(500).end();
        return;
      }
      readFile(join(cache, url.replace("/some/where", ""))).then(
        (bytes) => response.end(bytes),
        () => response.writeHead(404).end(),
      );
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo; // it listens on a port
    try {
      const caches = [`file://${folder.path}/nowhere`, `http://127.0.0.1:${port}/some/where`];
      await using real = await realNix(packageSet, false, { caches });
      const known = await survey(real.nix);
      expect(namesIn(known)).toEqual(["base", "camel-case", "hello"]);
      expect(new Set(asked.values())).toEqual(new Set([2]));
      await survey(real.nix);
      expect(new Set(asked.values())).toEqual(new Set([2]));
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it("that is out of reach, or says something else, is told with its URL", async () => {
    await using folder = await temporaryFolder();
    const packageSet = await writeQuickPackageSet(folder.path);
    await using gone = await realNix(packageSet, false, { caches: ["http://127.0.0.1:1"] });
    await expect(survey(gone.nix)).rejects.toThrow(
      /^the binary cache does not answer at http:\/\/127\.0\.0\.1:1\/[0-9a-z]{32}\.narinfo/,
    );
    const server = createServer((_, response) => response.end("<html>")).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo; // it listens on a port
    try {
      await using odd = await realNix(packageSet, false, { caches: [`http://127.0.0.1:${port}`] });
      await expect(survey(odd.nix)).rejects.toThrow(
        /narinfo is not what a binary cache says: Error: its StorePath is ""/,
      );
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
