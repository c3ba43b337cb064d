import { join } from "node:path";
import { compareBytes } from "../../core/bytewise.ts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startFirn, type Firn } from "../support/firn.ts";
import { expectSoundLayers, filesOf, resolveIn, sha256, type Image } from "../support/image.ts";
import { need } from "../support/need.ts";
import { writeUnbuiltPackageSet } from "../support/package-set.ts";
import { program } from "../support/program.ts";
import { digestOf, pull, readLayout, skopeo, skopeoCopy } from "../support/pull.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

let firn: Firn;
beforeAll(async () => {
  firn = await startFirn();
});
afterAll(async () => {
  await firn[Symbol.asyncDispose]();
});

test("an image is what the specification says, and holds what every image of firn holds", async () => {
  const image = await pull(firn, "hello/several/7digits");
  expectSoundLayers(image);
  const files = filesOf(image);
  for (const name of ["hello", "several", "7digits"]) {
    expect(resolveIn(files, `bin/${name}`), name).toMatchObject({
      type: "File",
      mode: 0o555,
    });
  }
  expect(files.get("tmp")).toMatchObject({ type: "Directory", mode: 0o1777 });
  expect(files.get("var/tmp")).toMatchObject({ type: "Directory", mode: 0o1777 });
  expect(files.get("etc/passwd")?.content).toMatch(/^nonroot:x:65532:65532:/m);
  expect(files.get("etc/passwd")?.content).toMatch(/^root:x:0:0:/m);
  expect(files.get("etc/group")?.content).toMatch(/^nonroot:x:65532:/m);
  // Nothing in this image provides env or sh.
  expect(files.has("usr/bin/env")).toBe(false);
  expect(files.has("bin/sh")).toBe(false);
  expect(image.config.config.Env).toContainEqual(expect.stringMatching(/^PATH=.*\/bin/));
  expect(image.config.config.Labels).toMatchObject({
    "firn.package-set": "path",
    "firn.revision": firn.revision,
    "firn.packages": "_7digits=1.0 hello=2.12 several=1.0",
  });
});

test("the order of the names does not matter, and neither do repetitions", async () => {
  expect(await digestOf(firn, "several/hello")).toBe(await digestOf(firn, "hello/several/hello"));
});

test("skopeo copies an image by tag and by digest, and inspects it", async (context) => {
  need(context, "skopeo");
  await using folder = await temporaryFolder();
  const byTag = join(folder.path, "by-tag");
  expect((await skopeoCopy(firn, "hello", byTag)).exitCode).toBe(0);
  const image = await readLayout(byTag);
  expectSoundLayers(image);
  expect(image.digest).toBe(await digestOf(firn, "hello"));

  const byDigest = join(folder.path, "by-digest");
  expect((await skopeoCopy(firn, `hello@${image.digest}`, byDigest)).exitCode).toBe(0);
  expect((await readLayout(byDigest)).digest).toBe(image.digest);

  const seen = await skopeo("inspect", "--tls-verify=false", `docker://${firn.host}/hello`);
  expect(seen.exitCode, seen.all).toBe(0);
  expect(JSON.parse(seen.stdout)).toMatchObject({
    Digest: image.digest,
    RepoTags: [firn.revision, "latest"].sort(compareBytes),
    Os: "linux",
    Layers: image.manifest.layers.map(({ digest }) => digest),
  });
});

test("twenty cold pulls of one image at once are one build", async () => {
  await using folder = await temporaryFolder();
  const packageSet = await writeUnbuiltPackageSet(folder.path);
  await using cold = await startFirn({ packageSet });
  const answers = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const response = await cold.manifest("slow/hello");
      return {
        status: response.status,
        digest: sha256(new Uint8Array(await response.arrayBuffer())),
      };
    }),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(new Set(answers.map(({ digest }) => digest)).size).toBe(1);
  const said = (pattern: RegExp) => cold.log.filter(({ message }) => pattern.test(message)).length;
  expect(said(/^building /)).toBe(1);
  expect(said(/: evaluating: /)).toBe(1);
  expect(said(/: realising: asking Nix for the packages/)).toBe(1);
  expect(said(/ is ready after /)).toBe(1);
  expect(await cold.builds()).toMatchObject([{ state: "ready", attempt: 1 }]);
});

test("an image built twice, in other data folders, is the same to the byte", async () => {
  await using again = await startFirn();
  for (const name of ["hello", "several/camelcase/mixed", "nestedset.inner"]) {
    expect(await digestOf(again, name), name).toBe(await digestOf(firn, name));
  }
});

test("whether the store has been deduplicated changes no digest", async (context) => {
  need(context, "nix-store");
  await using folder = await temporaryFolder();
  const packageSet = await writeUnbuiltPackageSet(folder.path);
  const name = "hello/several/camelcase";
  await using plain = await startFirn({ packageSet });
  const image = await pull(plain, name);
  const paths = storePathsOf(image);
  expect((await linksOf(paths)).every((links) => links === 1)).toBe(true);

  await program("nix-store", ["--delete", ...paths]);
  const nixConfig = "sandbox = false; substituters =; auto-optimise-store = true";
  await using deduplicated = await startFirn({ packageSet, env: { FIRN_NIX_CONFIG: nixConfig } });
  const { digest } = await pull(deduplicated, name);
  expect((await linksOf(paths)).some((links) => links > 1)).toBe(true);
  expect(digest).toBe(image.digest);
});

// What people pull. It depends on the text of the fixture's packages, on how firn groups, packs and describes, and on
// the zlib of the Node in package.json, which it is told to use: nothing of the machine. Whoever changes it changes the digest of every image
// there is, and has to say so in the commit and count up the version in core/build-key.ts.
test("the manifest of the fixture image has the digest it has always had", async (context) => {
  if (process.arch !== "x64") context.skip("the fixture image is of amd64, and so is its builder");
  await using plain = await startFirn({ env: { FIRN_GZIP: "zlib" } });
  expect(await digestOf(plain, "amd64/camelcase/hello/several")).toBe(
    "sha256:fbecc1c8c4be00928ba0a661228fa4d755d49faf45427ae725df72b66b7b8ac2",
  );
});

function storePathsOf(image: Image): readonly string[] {
  const paths = [...filesOf(image).keys()].flatMap(
    (path) => /^nix\/store\/[^/]+$/.exec(path) ?? [],
  );
  return [...new Set(paths)].map((path) => `/${path}`);
}

/** How many names each file of some store paths has. */
async function linksOf(paths: readonly string[]): Promise<readonly number[]> {
  const { stdout } = await program("find", [...paths, "-type", "f", "-printf", "%n\\n"]);
  return stdout.split("\n").map(Number);
}
