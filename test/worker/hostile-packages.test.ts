import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { anythingGoes } from "../../core/build-policy.ts";
import { createLocalBlobStore } from "../../core/local/blob-store.ts";
import { openDatabase } from "../../core/local/database.ts";
import { createLocalLayerCache } from "../../core/local/layer-cache.ts";
import type { Failure } from "../../core/record.ts";
import { createBuild } from "../../worker/build.ts";
import { noPopularity } from "../../worker/popularity.ts";
import { buildOf, options } from "../support/builds.ts";
import { need } from "../support/need.ts";
import { realNix } from "../support/nix.ts";
import { program } from "../support/program.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const never = new AbortController().signal;
const hostile = resolve(import.meta.dirname, "../fixtures/hostile");
const evaluateNix = resolve(import.meta.dirname, "../../nix/evaluate.nix");

beforeEach((context) => need(context, "nix-store"));

// As a worker does it; what it rejects with would be answered with 503.
async function settled(name: string) {
  await using folder = await temporaryFolder();
  await using real = await realNix(hostile);
  using database = openDatabase(folder.path);
  const build = createBuild({
    nix: real.nix,
    blobs: createLocalBlobStore(folder.path),
    layers: createLocalLayerCache(database),
    options,
    policy: anythingGoes,
    popularity: noPopularity,
    timeLimitMs: 60_000,
    log: () => undefined,
  });
  const pinned = await real.nix.pin(undefined, never);
  if (pinned.state !== "pinned") throw new Error(pinned.message);
  const request = { ...buildOf(name), pin: { packageSet: "path", revision: pinned.revision } };
  return await build(request, () => undefined, never);
}

async function failureOf(name: string): Promise<Failure> {
  const settlement = await settled(name);
  if (settlement.state !== "failed") throw new Error(`${name} was built`);
  return settlement.failure;
}

describe("is the package's own fault, and said so:", () => {
  it.each([
    ["no output", "noout", "build-failed", /noout-1.0' failed to produce output path/],
    ["an output that is no file", "pipe", "build-failed", /pipe' has an unsupported type/],
    [
      "names that are too long together",
      "deep",
      "build-failed",
      /^\w+ \w+ .*: File name too long$/s,
    ],
    ["a builder that imitates Nix", "imitates", "build-failed", /json\.exception/],
    [
      "an import from a derivation",
      "imports",
      "evaluation-failed",
      /cannot build '.*imported-1.0.drv' during evaluation; FIRN_IMPORT_FROM_DERIVATION would allow/,
    ],
    ["a throw that reads like an outage", "outage", "evaluation-failed", /^outage: connection ref/],
    [
      "one beside a mistake that Nix cannot catch",
      "nothere/outage",
      "evaluation-failed",
      /^nothere: attribute 'connection' missing[^]*\noutage: connection refused by policy/,
    ],
    ["an abort that reads like one", "aborts", "evaluation-failed", /'connection refused'/],
    [
      "a derivation elsewhere",
      "passwd",
      "evaluation-failed",
      /^passwd: its drvPath "\/etc\/passwd" is/,
    ],
    ["a derivation that is a flag", "flag", "evaluation-failed", /^flag: its drvPath "--version"/],
    ["an output elsewhere", "shadow", "evaluation-failed", /^shadow: its outPath "\/etc\/shadow"/],
    ["a derivation that is not there", "missing", "build-failed", /missing/],
    ["an output of no derivation", "other", "build-failed", /^no derivation .* makes \S*-other$/],
    ["no derivation at all", "otis", "evaluation-failed", /^otis: it has no drvPath, or one/],
    ["no name", "noname", "evaluation-failed", /^noname: it has no name, or one that is no text$/],
    ["a number of outputs", "oddoutputs", "evaluation-failed", /outputs are not a list of names$/],
    ["outputs without names", "oddparts", "evaluation-failed", /^oddparts: value is a set while/],
  ] as const)("%s", async (_, name, reason, message) => {
    const failure = await failureOf(name);
    expect(failure).toMatchObject({ reason, message: expect.stringMatching(message) as string });
    expect(failure.message).not.toContain("evaluate.nix");
    expect(failure.message).not.toMatch(/ at \/(?!nix\/store\/)/);
    expect(failure.message.length).toBeLessThanOrEqual(4096);
  });
});

it("five megabytes of message are told by their head and tail", async () => {
  const { message } = await failureOf("huge");
  expect(message).toMatch(
    /^huge: head 0123[^]*\n\.\.\. \d+ characters left out \.\.\.\n[^]* tail$/,
  );
  expect(message.length).toBeLessThanOrEqual(4096);
});

it("neither messages nor logs carry control characters", async () => {
  expect((await failureOf("control")).message).toBe("control: abc");
  expect((await failureOf("binary")).log.join("\n")).toMatch(/^ab?c?\??$/);
});

it.each(["latinfile", "latinfolder", "latinlink"])(
  "names that are not UTF-8, as in %s, are in the image as they are",
  async (name) => {
    expect(await settled(name)).toMatchObject({ state: "ready" });
  },
);

it.each(["circle", "endless"])("a link that does not end, as in %s, is a link", async (name) => {
  expect(await settled(name)).toMatchObject({ state: "ready" });
});

// As Nix counts them, since times on a shared machine tell little.
async function callsFor(packageSet: string, wrong: number): Promise<number> {
  const packages = Array.from({ length: wrong }, (_, i) => `wrong${i}`);
  const { stdout: source } = await program("nix-store", ["--add", packageSet]);
  const question = { source, system: "x86_64-linux", allowUnfree: false, packages, catch: true };
  const { stderr } = await program(
    "nix-instantiate",
    ["--eval", "--strict", evaluateNix, "--argstr", "question", JSON.stringify(question)],
    { env: { NIX_SHOW_STATS: "1" } },
  );
  // Behind warnings, such as one that this machine has no build users.
  const statistics = stderr.slice(stderr.search(/^\{/m));
  return (JSON.parse(statistics) as { nrPrimOpCalls: number }).nrPrimOpCalls;
}

it("many wrong names against many packages cost one look at the names of the packages", async () => {
  await using folder = await temporaryFolder();
  const names = `builtins.genList (n: { name = "Package\${toString n}"; value = null; }) 5000`;
  await writeFile(join(folder.path, "default.nix"), `builtins.listToAttrs (${names})`);
  const forOne = await callsFor(folder.path, 1);
  expect(await callsFor(folder.path, 40)).toBeLessThan(2 * forOne);
}, 30_000);

it("what has no version that is a word still has an image", async () => {
  await using real = await realNix(hostile);
  const pinned = await real.nix.pin(undefined, never);
  if (pinned.state !== "pinned") throw new Error(pinned.message);
  const pin = { packageSet: "path", revision: pinned.revision };
  const packages = ["setversion", "nullversion", "evilversion"];
  const question = { pin, architecture: "amd64", packages, optional: [] } as const;
  expect(await real.nix.evaluate(question, never)).toMatchObject({
    state: "evaluated",
    packages: [
      { name: "setversion", version: "" },
      { name: "nullversion", version: "" },
      { name: "evilversion", version: "1_evil=2_x", mainProgram: undefined },
    ],
  });
});
