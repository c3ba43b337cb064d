import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { buildKey, type ImageOptions } from "../../core/build-key.ts";
import { compressions } from "../../core/compression.ts";
import { buildReplay } from "../support/build-replay.ts";
import { sha256, type Manifest } from "../support/image.ts";
import { isInstalled, need, needRoot } from "../support/need.ts";
import { program } from "../support/program.ts";
import { recordNix, type Replay } from "../support/replayed-nix.ts";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";

const main = resolve(import.meta.dirname, "../support/build-replay-main.ts");
const options: ImageOptions = {
  layerBudget: 94,
  popularity: "",
  compression: "gzip",
  allowUnfree: false,
  grouping: "plan",
};
// A later Node than the one firn is built with: the former ones lack what firn is written in.
const otherNode = "26.10.0";

let folder: TemporaryFolder;
let replay: Replay;
let expected: string;
let count = 0;
beforeAll(async () => {
  folder = await temporaryFolder();
  chmodSync(folder.path, 0o777);
  if (!isInstalled("nix-store")) return;
  replay = await recordNix("camelcase/hello/several", options);
  expected = await manifestHere(replay, options);
}, 120_000);
afterAll(async () => await folder[Symbol.asyncDispose]());
beforeEach((context) => need(context, "nix-store"));

/** The same answers, for a registry that is set like this. */
function asked(answers: Replay, how: ImageOptions): Replay {
  const { image, pin } = answers.request;
  return { ...answers, request: { key: buildKey(image, pin, how), image, pin } };
}

async function manifestHere(answers: Replay, how: ImageOptions): Promise<string> {
  const { bytes } = await buildReplay(
    asked(answers, how),
    how,
    join(folder.path, `here-${count++}`),
  );
  return Buffer.from(bytes).toString();
}

interface Elsewhere {
  readonly manifest: string;
  readonly node: string;
  readonly zlib: string;
  readonly zstd: string;
  readonly time: string;
  readonly cores: number;
  readonly user: number;
}

/** Builds the image in another process: `words` are what env is told before the command. */
async function manifestElsewhere(
  words: readonly string[],
  { node = process.execPath, how = options } = {},
): Promise<Elsewhere> {
  const file = join(folder.path, `answers-${count++}.json`);
  await writeFile(file, JSON.stringify({ replay: asked(replay, how), options: how }), {
    mode: 0o644,
  });
  chmodSync(file, 0o644);
  const data = join(folder.path, `data-${count++}`);
  mkdirSync(data, { mode: 0o777 });
  chmodSync(data, 0o777);
  const { stdout } = await program("env", [...words, node, main, file, data]);
  return JSON.parse(stdout.split("\n").at(-1) ?? "") as Elsewhere;
}

// What everybody has pulled. Whoever changes one of these constants has made another compressor of it, and has to count
// up its name in core/compression.ts; if it was a new Node, the one in package.json.
test.for([
  ["gzip", "sha256:ecc769e807b018c3df916c9a132773b3d0ec8831b83bc92705da1b83f2afe94b"],
  ["zstd", "sha256:24669826b0f86b3a7b1951217399e3ff4e3aa15a97ff880d95a93f5cdfce3928"],
  ["none", "sha256:4d084ab2bed7204161dcf365027c3420db89208dafff156336212f62545ccb5e"],
] as const)(
  "layers by %s have the digests they have always had",
  async ([compression, digest], context) => {
    if (process.arch !== "x64") context.skip("the fixture packages are those of amd64");
    const bytes = await manifestHere(replay, { ...options, compression });
    const { layers } = JSON.parse(bytes) as Manifest;
    expect(sha256(Buffer.from(layers.map((layer) => layer.digest).join(" ")))).toBe(digest);
  },
);

describe("an image is the same to the byte", () => {
  test("in another time zone and another language", async () => {
    const there = await manifestElsewhere([
      "TZ=Pacific/Chatham",
      "LANG=tr_TR.UTF-8",
      "LC_ALL=tr_TR.UTF-8",
    ]);
    expect(there.time).toContain("GMT+1245");
    expect(there.manifest).toBe(expected);
  });

  test("under another umask, in another data folder", async () => {
    const there = await manifestElsewhere(["sh", "-c", 'umask 077; exec "$@"', "sh"]);
    expect(there.manifest).toBe(expected);
  });

  test("by another user", async (context) => {
    needRoot(context);
    need(context, "setpriv");
    const there = await manifestElsewhere([
      "setpriv",
      "--reuid=65534",
      "--regid=65534",
      "--clear-groups",
    ]);
    expect(there.user).toBe(65_534);
    expect(there.manifest).toBe(expected);
  });

  test("on one core", async (context) => {
    need(context, "taskset");
    const there = await manifestElsewhere(["taskset", "--cpu-list", "0"]);
    expect(there.cores).toBe(1);
    expect(there.manifest).toBe(expected);
  });

  test("whatever the order in which Nix lists the closure and the packages", async () => {
    const { evaluation, closure } = replay;
    if (evaluation.state !== "evaluated") throw new Error(evaluation.state);
    const packages = evaluation.packages.toReversed();
    const turned = closure.toReversed().map(({ path, size, references }) => ({
      path,
      size,
      references: references.toReversed(),
    }));
    const other = { ...replay, evaluation: { ...evaluation, packages }, closure: turned };
    expect(await manifestHere(other, options)).toBe(expected);
  });

  test("where some of its layers are there already, and where none is", async () => {
    const data = join(folder.path, "again");
    const first = await buildReplay(replay, options, data);
    const second = await buildReplay(replay, options, data);
    expect(Buffer.from(second.bytes).equals(first.bytes)).toBe(true);
    expect(Buffer.from(first.bytes).toString()).toBe(expected);
  });

  test.for(compressions)(
    "by another version of Node: %s",
    { timeout: 180_000 },
    async (compression, context) => {
      const node = await anotherNode().catch((error: unknown) =>
        context.skip(`npm does not give another Node here: ${String(error)}`),
      );
      const how = { ...options, compression };
      const there = await manifestElsewhere([], { node, how });
      expect(there.node).toBe(`v${otherNode}`);
      const [one, other] = [await manifestHere(replay, how), there.manifest].map(
        (text) => JSON.parse(text) as Manifest,
      );
      // The configuration has the diff ids: with it the tars are the same, whatever a compressor makes of them.
      expect(other?.config).toEqual(one?.config);
      expect(there.manifest).toBe(JSON.stringify(one));
    },
  );
});

/** Another Node, which npm puts into the temporary folder. */
async function anotherNode(): Promise<string> {
  const prefix = join(folder.path, `node-${otherNode}`);
  const name = `node-linux-${process.arch}`;
  const node = join(prefix, "node_modules", name, "bin/node");
  if (existsSync(node)) return node;
  mkdirSync(prefix, { recursive: true });
  const quiet = ["--no-audit", "--no-fund", "--no-save"];
  await program("npm", ["install", ...quiet, "--prefix", prefix, `${name}@${otherNode}`]);
  return node;
}
