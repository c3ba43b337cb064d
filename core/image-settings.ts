import type { Grouping, ImageOptions } from "./build-key.ts";
import type { Compression } from "./compression.ts";
import { publicNixpkgs } from "./package-set.ts";
import { oneOf, setting, some, whole, withRevision, yesOrNo, type Settings } from "./setting.ts";

// What decides which image a pull means: functions and worker have to agree on it.
export const imageSettings = {
  nixpkgsRepository: setting(
    "FIRN_NIXPKGS_REPOSITORY",
    "git repository whose branches are the nixpkgs channels",
    publicNixpkgs.repository,
    some,
  ),
  nixpkgsTarball: setting(
    "FIRN_NIXPKGS_TARBALL",
    "where the tarball of a nixpkgs commit is, `{revision}` standing for the commit",
    publicNixpkgs.tarball,
    withRevision,
  ),
  pinSeconds: setting(
    "FIRN_PIN_SECONDS",
    "how long a channel or branch is taken to stand where it was seen",
    "300",
    whole(1, 86_400),
  ),
  allowUnfree: setting(
    "FIRN_ALLOW_UNFREE",
    "whether packages with an unfree license are built",
    "false",
    yesOrNo,
  ),
  layers: setting(
    "FIRN_LAYERS",
    "layers an image may have; Docker's limit is 125, and what is left is for those who build on the image",
    "60",
    whole(2, 125),
  ),
  grouping: setting(
    "FIRN_GROUPING",
    "`plan`: what shares a layer is learned for the whole package set, and applies from the next revision on; `dominators`: each image by itself",
    "plan",
    oneOf<Grouping>("plan", "dominators"),
  ),
  compression: setting(
    "FIRN_COMPRESSION",
    "`gzip`; `zstd`, which Docker before 23 and containerd before 1.6 cannot unpack; or `none`, for private networks faster than a compressor",
    "gzip",
    oneOf<Compression>("gzip", "zstd", "none"),
  ),
  prebuildImages: setting(
    "FIRN_PREBUILD_IMAGES",
    "how many of the images pulled in the last week are built before a moving tag moves",
    "50",
    whole(0, 1000),
  ),
} as const;

type Shaping = Pick<
  Settings<typeof imageSettings>,
  "layers" | "compression" | "allowUnfree" | "grouping"
>;

/** What shapes every image, out of the settings; `popularity` is the digest of the popularity file, "" for none. */
export function imageOptions(settings: Shaping, popularity = ""): ImageOptions {
  const { layers, compression, allowUnfree, grouping } = settings;
  return { layerBudget: layers, popularity, compression, allowUnfree, grouping };
}
