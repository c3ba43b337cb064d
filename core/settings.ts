import { functionsAccess, localAccess } from "./access-settings.ts";
import type { Grouping, ImageOptions } from "./build-key.ts";
import type { Compression } from "./compression.ts";
import { publicNixpkgs } from "./package-set.ts";
import {
  platforms,
  platformsOrAuto,
  oneOf,
  optional,
  packageSet,
  packageSetOrAuto,
  setting,
  some,
  whole,
  withRevision,
  yesOrNo,
  type Settings,
} from "./setting.ts";

// What decides which image a pull means: functions and worker have to agree on it.
const image = {
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

const logFormat = (usual: "text" | "json") =>
  setting("FIRN_LOG", "`text` for people, `json` for Cloud Logging", usual, oneOf("text", "json"));
const logLevel = setting(
  "FIRN_LOG_LEVEL",
  "`debug`, `info`, `warning` or `error`",
  "info",
  oneOf("debug", "info", "warning", "error"),
);

// How builds are made.
const building = {
  builds: setting("FIRN_BUILDS", "builds at the same time", "2", whole(1, 64)),
  prebuilds: setting(
    "FIRN_PREBUILDS",
    "builds at the same time that nobody waits for, beside the others",
    "1",
    whole(1, 64),
  ),
  buildMinutes: setting(
    "FIRN_BUILD_MINUTES",
    "how long Nix may take for one image",
    "30",
    whole(1, 1440),
  ),
  nixConfig: setting(
    "FIRN_NIX_CONFIG",
    "further lines of nix.conf, separated by `;`",
    "",
    optional,
  ),
} as const;

// How pulls wait.
const waiting = {
  holdSeconds: setting(
    "FIRN_HOLD_SECONDS",
    "how long a pull is held while its image is built, before it is sent round again; some clients give up after 30",
    "25",
    whole(1, 600),
  ),
  longHoldSeconds: setting(
    "FIRN_LONG_HOLD_SECONDS",
    "the same for clients known to wait; set it to FIRN_HOLD_SECONDS behind a proxy with a limit of its own",
    "280",
    whole(1, 3600),
  ),
} as const;

const platformsMeaning =
  "`amd64`, `arm64`, or both with a comma, of names that do not say; with both a tag is an index, and who takes none gets the first";

/** The settings of the embedded registry: the README's table is written from these. */
export const localSettings = {
  host: setting(
    "FIRN_HOST",
    "address to listen on; 0.0.0.0 lets other machines pull",
    "127.0.0.1",
    some,
  ),
  port: setting("FIRN_PORT", "port to listen on", "8080", whole(0, 65_535)),
  data: setting("FIRN_DATA", "folder for blobs and records", ".firn", some),
  packageSet: setting(
    "FIRN_PACKAGE_SET",
    "`starter`, `nixpkgs:<channel or commit>`, `git+<url>#<branch, tag or commit>`, an absolute path, or `auto`: nixpkgs where it is in reach, else the starter set",
    "auto",
    packageSetOrAuto,
  ),
  platforms: setting(
    "FIRN_PLATFORMS",
    `${platformsMeaning}; \`auto\` is this machine's`,
    "auto",
    platformsOrAuto,
  ),
  ...image,
  popularity: setting(
    "FIRN_POPULARITY",
    'JSON file that says how popular packages are: `{"glibc": 4211, ...}`',
    "",
    optional,
  ),
  ...building,
  ...waiting,
  ...localAccess,
  log: logFormat("text"),
  logLevel,
} as const;

export type LocalSettings = Settings<typeof localSettings>;

// What both programs of the deployment on Google Cloud are told.
const cloud = {
  project: setting("FIRN_PROJECT", "project that everything is in", "", some),
  database: setting("FIRN_DATABASE", "Firestore database with the records", "(default)", some),
  bucket: setting("FIRN_BUCKET", "bucket with the blobs", "", some),
  storageEndpoint: setting(
    "FIRN_STORAGE_ENDPOINT",
    "URL of Cloud Storage, where it is not Google's",
    "",
    optional,
  ),
  topics: setting(
    "FIRN_TOPICS",
    "what the names of topics and subscriptions begin with",
    "firn",
    some,
  ),
  packageSet: setting(
    "FIRN_PACKAGE_SET",
    "`starter`, `nixpkgs:<channel or commit>`, `git+<url>#<branch, tag or commit>` or an absolute path",
    "nixpkgs:nixos-unstable",
    packageSet,
  ),
  platforms: setting("FIRN_PLATFORMS", platformsMeaning, "amd64", platforms),
  ...image,
  log: logFormat("json"),
  logLevel,
} as const;

/** The settings of the functions. */
export const functionsSettings = {
  ...cloud,
  ...waiting,
  ...functionsAccess,
  blobUrl: setting(
    "FIRN_BLOB_URL",
    "URL below which everybody can read the bucket, such as that of a CDN; left out, clients get signed URLs",
    "",
    optional,
  ),
} as const;

/** The settings of the worker. */
export const workerSettings = {
  ...cloud,
  ...building,
  leaseSeconds: setting(
    "FIRN_LEASE_SECONDS",
    "how long a worker may be silent before others take over what it builds",
    "60",
    whole(4, 3600),
  ),
  data: setting("FIRN_DATA", "folder for what Nix must not collect", ".firn", some),
  port: setting(
    "FIRN_PORT",
    "port to listen on, for jobs that are pushed",
    "8080",
    whole(0, 65_535),
  ),
  jobs: setting(
    "FIRN_JOBS",
    "`pull`: takes jobs from the subscriptions, for as long as each lasts; `push`: Pub/Sub sends them, ten minutes each",
    "pull",
    oneOf("pull", "push"),
  ),
  pushAudience: setting(
    "FIRN_PUSH_AUDIENCE",
    "audience that the token of a pushed job has to have",
    "firn-worker",
    some,
  ),
  pushAccount: setting(
    "FIRN_PUSH_ACCOUNT",
    "service account that the token of a pushed job has to be of; `anybody` for an emulator, which sends no token",
    "",
    optional,
  ),
} as const;

export type FunctionsSettings = Settings<typeof functionsSettings>;
export type WorkerSettings = Settings<typeof workerSettings>;
type Shaping = Pick<Settings<typeof image>, "layers" | "compression" | "allowUnfree" | "grouping">;

/** What shapes every image, out of the settings; `popularity` is the digest of the popularity file, "" for none. */
export function imageOptions(settings: Shaping, popularity = ""): ImageOptions {
  const { layers, compression, allowUnfree, grouping } = settings;
  return { layerBudget: layers, popularity, compression, allowUnfree, grouping };
}
