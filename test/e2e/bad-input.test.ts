import { mkdir, readdir, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startFirn, type Firn } from "../support/firn.ts";
import { needRoot } from "../support/need.ts";
import { writeUnbuiltPackageSet } from "../support/package-set.ts";
import { program } from "../support/program.ts";
import { problemOf, pull } from "../support/pull.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

describe("a pull of", () => {
  let firn: Firn;
  beforeAll(async () => {
    firn = await startFirn({ env: { FIRN_PLATFORMS: "amd64" } });
  });
  afterAll(async () => {
    await firn[Symbol.asyncDispose]();
  });

  const hundreds = Array.from({ length: 300 }, (_, i) => `p${i}`).join("/");
  const invalid = [
    ["a name in upper case", "Hello", /"Hello" is not an image name: .*lower case/],
    ["a name with a plus", "g%2B%2B", /"g\+\+" is not an image name/],
    ["an empty component", "hello//base", /is not an image name/],
    ["a name that leads out", "..%2F..%2Fetc", /is not an image name/],
    ["a name with a quote and a dollar", "he'llo$%7Bx%7D", /is not an image name/],
    ["a name of three hundred components", hundreds, /at most 255 characters/],
    ["a platform without a package", "arm64", /names a platform but no package: add one/],
    ["two platforms at once", "arm64/amd64/hello", /two platforms, arm64 and amd64: choose one/],
  ] as const;
  test.for(invalid)("%s is refused at once, and starts nothing", async ([, name, expected]) => {
    const before = (await firn.builds()).length;
    const { status, code, message } = await problemOf(await firn.manifest(name));
    expect({ status, code }).toEqual({ status: 400, code: "NAME_INVALID" });
    expect(message).toMatch(expected);
    expect(await firn.builds()).toHaveLength(before);
  });

  const failing = [
    [
      "unknown packages names all of them, each with what was probably meant",
      "helo/base/sevral",
      [
        'there is no package "helo" (did you mean hello?)',
        'there is no package "sevral" (did you mean several',
      ],
    ],
    [
      "a package unknown within a set suggests names of that set",
      "nestedset.iner",
      ['there is no package "nestedset.iner" (did you mean nestedSet.inner'],
    ],
    [
      "a set of packages says so, and what it holds",
      "nestedset",
      [
        '"nestedset" is not a package but a set of them, such as nestedSet.deeperSet, nestedSet.inner',
      ],
    ],
    ["a name that stands for two packages names both", "twoways", ["TwoWays or twoWays"]],
    ["a value that is no package", "notapackage", ['"notapackage" is not a package']],
    [
      "a package that does not build ends with the last lines of its log",
      "fails",
      [
        "builder for 'fails-1.0' failed with exit code 3",
        "The last lines of its log:\ncompiling\nfatal: the flux capacitor is missing",
      ],
    ],
    [
      "a package whose dependency does not build",
      "needsfailing",
      ["fails-1.0", "fatal: the flux capacitor is missing"],
    ],
    ["a package that throws says with what", "throws", ["throws: this package throws on purpose"]],
    [
      "a package with a wrong attribute names it",
      "wrong",
      ["wrong: attribute 'noSuchAttribute' missing"],
    ],
    [
      "an unfree package",
      "unfree",
      ["unfree: Package 'unfree-1.0' has an unfree license, refusing"],
    ],
    ["a broken package", "broken", ["broken: Package 'broken-1.0' is marked as broken"]],
    [
      "several packages that fail says so of each",
      "throws/hello/broken",
      ["throws: this", "broken: Package"],
    ],
    [
      "a platform that this machine cannot build for says so",
      "arm64/hello",
      ["has to be built for aarch64-linux, which this machine, a x86_64-linux, cannot do"],
    ],
  ] as const;
  test.for(failing)("%s", async ([, name, expected], context) => {
    if (name.startsWith("arm64") && process.arch !== "x64")
      context.skip("this machine is no amd64");
    const { status, code, message } = await problemOf(await firn.manifest(name));
    expect({ status, code }).toEqual({ status: 404, code: "MANIFEST_UNKNOWN" });
    for (const part of expected) expect(message).toContain(part);
  });

  test.for(["nosuchbranch", "0123456789012345678901234567890123456789", "1.0"])(
    "the tag %s, which selects nothing, is an error and never latest",
    async (tag) => {
      const { status, code, message } = await problemOf(await firn.manifest("hello", tag));
      expect({ status, code }).toEqual({ status: 404, code: "MANIFEST_UNKNOWN" });
      expect(message).toBe(
        `the package set has no revision "${tag}": use latest, or a revision that was served before`,
      );
    },
  );

  test("the revision that latest stands for, as a tag, is the same image", async () => {
    const latest = await pull(firn, "hello");
    expect((await pull(firn, "hello", firn.revision)).digest).toBe(latest.digest);
  });

  test("a failure is remembered for a while: asking again runs no Nix", async () => {
    const first = await problemOf(await firn.manifest("helo"));
    const build = await firn.build("helo");
    const lines = firn.log.length;
    for (let i = 0; i < 5; i += 1)
      expect(await problemOf(await firn.manifest("helo"))).toEqual(first);
    // Each pull is counted, and nothing else is said.
    expect(firn.log.slice(lines).filter(({ event }) => event !== "pull")).toEqual([]);
    expect(await firn.build("helo")).toEqual(build);
  });

  test("a push is refused as unsupported", async () => {
    const answer = await firn.fetch("/v2/hello/blobs/uploads/", { method: "POST" });
    expect(answer.headers.get("allow")).toBe("GET, HEAD");
    expect(await problemOf(answer)).toMatchObject({ status: 405, code: "UNSUPPORTED" });
  });
});

test("with FIRN_ALLOW_UNFREE an unfree package is built", async () => {
  await using firn = await startFirn({ env: { FIRN_ALLOW_UNFREE: "true" } });
  const { config } = await pull(firn, "unfree");
  expect(config.config.Labels["firn.packages"]).toBe("unfree=1.0");
});

test("a disk that is full is said to client and log; once there is room the same pull succeeds", async (context) => {
  needRoot(context);
  await using folder = await temporaryFolder();
  const data = join(folder.path, "data");
  await mkdir(data);
  const size = ["-t", "tmpfs", "-o", "size=12m", "tmpfs", data];
  const mounted = await program("mount", size, { mayFail: true });
  context.skip(mounted.exitCode !== 0, `no small disk to fill: ${mounted.all}`);
  try {
    await using firn = await startFirn({
      data,
      packageSet: await writeUnbuiltPackageSet(folder.path),
    });
    const filler = join(data, "filler");
    const { bavail, bsize } = await statfs(data);
    await writeFile(filler, Buffer.alloc(bavail * bsize - 2_000_000));
    const { status, message } = await problemOf(await firn.manifest("sizable"));
    expect(status).toBe(503);
    expect(message).toMatch(/no space left on device/i);
    expect(
      firn.log.filter(({ severity }) => severity === "ERROR").map((line) => line.message),
    ).toContainEqual(expect.stringMatching(/no space left on device/i));
    expect(await readdir(join(data, "staging"))).toEqual([]);

    await rm(filler);
    await pull(firn, "sizable");
    expect(await readdir(join(data, "staging"))).toEqual([]);
    expect(await firn.stop()).toEqual({ code: 0, signal: null });
  } finally {
    await program("umount", [data]);
  }
});
