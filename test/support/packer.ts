import {
  chmodSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Compression } from "../../core/compression.ts";
import { hexOf } from "../../core/digest.ts";
import { createLocalBlobStore } from "../../core/local/blob-store.ts";
import { openDatabase } from "../../core/local/database.ts";
import { createLocalLayerCache } from "../../core/local/layer-cache.ts";
import type { ImageLayer } from "../../core/manifest.ts";
import { nodeCompressors } from "../../worker/compress.ts";
import { createLayerPacking, type Packing } from "../../worker/pack-layers.ts";
import { plant, stored, temporaryFolder } from "./store-tree.ts";

const never = new AbortController().signal;
/** The store paths of `nastyStore`. */
export const [nasty, plain, alone] = [
  stored("a", "nasty"),
  stored("b", "plain"),
  stored("c", "alone"),
];

/** A store with the nastiest path there may be, an ordinary one, and a single file. */
export function nastyStore(): string {
  const root = plant(temporaryFolder(), {
    [`${nasty}/${"n".repeat(255)}`]: "a name of 255 bytes",
    [`${nasty}/${`${"d".repeat(90)}/`.repeat(4)}deep`]: "a path of more than 256 characters",
    [`${nasty}/${"m".repeat(60)}/over-a-hundred`]: "a path of more than 100 characters",
    [`${nasty}/empty`]: { folder: true },
    [`${nasty}/nothing`]: "",
    [`${nasty}/dangling`]: { link: "nowhere/at/all" },
    [`${nasty}/program`]: { program: "#!/bin/sh\n" },
    [`${nasty}/雪`]: "snow",
    [`${plain}/lib/one`]: "one and the same ".repeat(50_000),
    [`${plain}/lib/two`]: "two",
    [alone]: "a store path that is a file",
  });
  const place = (name: string) => Buffer.from(`${root}${nasty}/${name}`, "latin1");
  mkdirSync(place("stra\xdfe"));
  writeFileSync(place("stra\xdfe/\xff"), "latin1");
  symlinkSync(Buffer.from("stra\xdfe/\xff", "latin1"), place("to-latin1"));
  writeFileSync(place("sparse"), "");
  truncateSync(join(root, nasty, "sparse"), 3_000_000);
  chmodSync(join(root, nasty, "program"), 0o6755);
  return root;
}

const databases = new Map<string, ReturnType<typeof openDatabase>>();

/** Packs layers of a store below `root` into a data folder, as a worker does; `said` is what it logs. */
export function packer(root: string, packing?: Partial<Packing>, data = temporaryFolder()) {
  const database = databases.get(data) ?? openDatabase(data);
  databases.set(data, database);
  const said: string[] = [];
  const pack = createLayerPacking({
    blobs: createLocalBlobStore(data),
    layers: createLocalLayerCache(database),
    packing: { compressors: nodeCompressors, cache: undefined, ...packing },
    log: (severity, message) => said.push(`${severity}: ${message}`),
    archive: { root },
  });
  const blob = ({ digest }: ImageLayer) => readFileSync(join(data, "blobs/sha256", hexOf(digest)));
  return {
    said,
    blob,
    data,
    pack: async (groups: readonly (readonly string[])[], compression: Compression = "gzip") => {
      const layers = groups.map((paths) => ({ paths, size: 1000 }));
      const image = { layers, budget: 10, sizes: new Map<string, number>(), compression };
      return await pack(image, () => undefined, never);
    },
  };
}
