import { statSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { compareBytes } from "../../core/bytewise.ts";
import { imageDocuments } from "../../core/manifest.ts";
import { buildReplay } from "../support/build-replay.ts";
import { options } from "../support/builds.ts";
import { expectSoundLayers, filesOf, readImage, sha256, type Image } from "../support/image.ts";
import { blobsIn } from "../support/layout.ts";
import { isInstalled, need } from "../support/need.ts";
import { recordNix } from "../support/replayed-nix.ts";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";

const awkward = resolve(import.meta.dirname, "../fixtures/awkward");
const block = 512;

let folder: TemporaryFolder;
let image: Image;
let manifest: Uint8Array;
beforeAll(async () => {
  folder = await temporaryFolder();
  if (!isInstalled("nix-store")) return;
  const replay = await recordNix("awkward/many.n1/many.n2", options, awkward);
  ({ bytes: manifest } = await buildReplay(replay, options, folder.path));
  image = await readImage(manifest, blobsIn(folder.path));
}, 120_000);
afterAll(async () => await folder[Symbol.asyncDispose]());
beforeEach((context) => need(context, "nix-store"));

/** The headers of an archive, as they stand there. */
function* headersOf(tar: Buffer): Generator<Buffer> {
  for (let at = 0; at + block <= tar.length;) {
    const header = tar.subarray(at, at + block);
    if (header.every((byte) => byte === 0)) return;
    yield header;
    const size = Number.parseInt(header.subarray(124, 136).toString().replace(/\0.*$/, ""), 8);
    at += block + Math.ceil(size / block) * block;
  }
}

const text = (header: Buffer, from: number, length: number) =>
  header
    .subarray(from, from + length)
    .toString()
    .replace(/[\0 ]+$/, "");

const octal = (header: Buffer, from: number, length: number) =>
  Number.parseInt(text(header, from, length), 8);

describe("the configuration of an image", () => {
  test("says its platform, its layers' uncompressed digests in order, and one history entry for each", () => {
    const { config, layers } = image;
    expect(config.architecture).toBe(process.arch === "arm64" ? "arm64" : "amd64");
    expect(config.os).toBe("linux");
    expect(config.rootfs).toEqual({
      type: "layers",
      diff_ids: layers.map(({ tar }) => sha256(tar)),
    });
    expect(config.history).toHaveLength(layers.length);
    expect(config.history.filter((entry) => entry.empty_layer === true)).toEqual([]);
    expect(config.created).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  });

  test("says which variant of arm64 it is for, and none of amd64", () => {
    const parts = { env: [], cmd: undefined, labels: {} };
    const said = (["arm64", "amd64"] as const).map((architecture) => {
      const { config } = imageDocuments({ ...parts, architecture }, [], "gzip");
      return JSON.parse(Buffer.from(config).toString()) as object;
    });
    expect(said[0]).toMatchObject({ architecture: "arm64", variant: "v8" });
    expect(said[1]).not.toHaveProperty("variant");
  });

  test("has no time, path or host of the machine that built it", () => {
    const history = JSON.stringify(image.config.history);
    expect(history).not.toMatch(/\/|[0-9a-z]{32}|20\d\d-/);
    expect(image.config.created).toBe("1970-01-01T00:00:01Z");
  });
});

describe("the documents of an image", () => {
  test("name at least one layer, each with its exact size, in the types of the specification", () => {
    // `readImage` compares the size and the digest of each with its bytes.
    const { layers, config } = image.manifest;
    expect(layers.length).toBeGreaterThan(1);
    expect(new Set(layers.map(({ mediaType }) => mediaType))).toEqual(
      new Set(["application/vnd.oci.image.layer.v1.tar+gzip"]),
    );
    expect(config.mediaType).toBe("application/vnd.oci.image.config.v1+json");
    expect(image.manifest.mediaType).toBe("application/vnd.oci.image.manifest.v1+json");
  });

  test("are compact JSON whose keys are always in the same order", async () => {
    const config = await blobsIn(folder.path)(image.manifest.config.digest);
    for (const bytes of [manifest, config]) {
      const written = Buffer.from(bytes).toString();
      expect(JSON.stringify(JSON.parse(written))).toBe(written);
    }
    expect(Object.keys(image.manifest)).toEqual(["schemaVersion", "mediaType", "config", "layers"]);
    const labels = Object.keys(image.config.config.Labels);
    expect(labels).toEqual(labels.toSorted(compareBytes));
  });
});

describe("the layers of an image", () => {
  test("have an entry for every folder above what they hold, the root with mode 0755 first", () => {
    expectSoundLayers(image);
    for (const { entries } of image.layers) {
      expect(entries[0]).toMatchObject({ path: ".", type: "Directory", mode: 0o755 });
    }
  });

  test("repeat a folder just as the layers below have it", () => {
    const folders = image.layers
      .flatMap(({ entries }) => entries)
      .filter(({ type }) => type === "Directory");
    const lowest = new Map(folders.toReversed().map((entry) => [entry.path, entry]));
    const repeated = folders.length - lowest.size;
    expect(folders).toEqual(folders.map(({ path }) => lowest.get(path)));
    expect(repeated).toBeGreaterThan(image.layers.length);
  });

  test("have no hard links, not even where the files of a package are ones", () => {
    const files = filesOf(image);
    const names = [...files.keys()].filter((path) => /-awkward-1\.0\/(?:hard|link)$/.test(path));
    expect(names.map((path) => files.get(path)?.type)).toEqual(["File", "File"]);
  });

  test("hold names that are long or not ASCII, empty folders, and links that lead nowhere, as they are", () => {
    const ends = ["/grüße-雪-😀", `/${"n".repeat(240)}`, "/empty", "/nowhere", "/zeros"];
    const paths = [...filesOf(image).keys()].filter((path) => path.includes("-awkward-1.0/"));
    for (const end of ends)
      expect(
        paths.some((path) => path.endsWith(end)),
        end,
      ).toBe(true);
  });

  test("have entries in the order of their bytes, of nobody's machine: root without a name, one time, no device", () => {
    const kinds = new Set<string>();
    for (const { tar } of image.layers) {
      const names: string[] = [];
      for (const header of headersOf(tar)) {
        const kind = text(header, 156, 1);
        kinds.add(kind);
        expect(text(header, 257, 8)).toBe("ustar\u000000");
        expect([octal(header, 108, 8), octal(header, 116, 8)]).toEqual([0, 0]);
        expect([text(header, 265, 32), text(header, 297, 32)]).toEqual(["", ""]);
        expect(octal(header, 136, 12)).toBe(1);
        if (kind !== "x") names.push(text(header, 0, 100));
      }
      expect(names[0]).toBe("./");
      expect(tar.length % block).toBe(0);
      expect(tar.subarray(-2 * block).every((byte) => byte === 0)).toBe(true);
    }
    // A file, a link, a folder, and what a plain header cannot say: nothing sparse, no device, nothing global.
    expect([...kinds].sort(compareBytes)).toEqual(["0", "2", "5", "x"]);
    for (const { entries } of image.layers) {
      const names = entries
        .slice(1)
        .map(({ path, type }) => Buffer.from(type === "Directory" ? `${path}/` : path));
      expect(names).toEqual(names.toSorted((a, b) => Buffer.compare(a, b)));
    }
  });

  test("say nothing but names, targets and sizes in PAX records: no times, no owners, no attributes", () => {
    const keys = image.layers.flatMap(({ tar }) =>
      [...tar.toString("latin1").matchAll(/(?:^|\n|\0)\d+ ([A-Za-z.]+)=/g)].map(
        ([, key = ""]) => key,
      ),
    );
    expect([...new Set(keys)].sort(compareBytes)).toEqual(["linkpath", "path"]);
  });

  test("begin as gzip without a time, a name or the system it was made on", async () => {
    for (const { digest } of image.manifest.layers) {
      const bytes = await blobsIn(folder.path)(digest);
      expect(Buffer.from(bytes.subarray(0, 10)).toString("hex")).toBe("1f8b0800000000000003");
    }
  });

  test("are not packed again when they are there", async () => {
    const replay = await recordNix("awkward/many.n1/many.n2", options, awkward);
    // The top one is the image's own, and not worth remembering.
    const packed = image.manifest.layers.slice(0, -1).map(({ digest }) => {
      const file = join(folder.path, "blobs", digest.replace(":", "/"));
      return { file, written: statSync(file).mtimeMs };
    });
    const again = await buildReplay(replay, options, folder.path);
    expect(Buffer.from(again.bytes).equals(Buffer.from(manifest))).toBe(true);
    expect(packed.filter(({ file, written }) => statSync(file).mtimeMs !== written)).toEqual([]);
  });
});

test("an image of more packages than there may be layers has as many as are set, and loses nothing", async () => {
  const replay = await recordNix("everyone/everybody", options, awkward);
  for (const layerBudget of [94, 20]) {
    const how = { ...options, layerBudget };
    const data = join(folder.path, `budget-${layerBudget}`);
    const { bytes } = await buildReplay(replay, how, data);
    const many = await readImage(bytes, blobsIn(data));
    expect(many.layers).toHaveLength(layerBudget);
    const zeros = [...filesOf(many).keys()].filter((path) => /-many-\d+\/zeros$/.test(path));
    expect(zeros).toHaveLength(100);
  }
}, 120_000);

test("a package with a file that layers have a meaning of their own for is a failure that names it", async () => {
  const replay = await recordNix("whiteout", options, awkward);
  await expect(buildReplay(replay, options, join(folder.path, "whiteout"))).rejects.toThrow(
    /whiteout-1\.0\/share\/\.wh\.readme cannot be in an image/,
  );
}, 60_000);
