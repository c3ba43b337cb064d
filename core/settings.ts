import { functionsAccess, localAccess, quotaSetting } from "./access-settings.ts";
import { building, segmentsMb } from "./building-settings.ts";
import { imageSettings } from "./image-settings.ts";
import { policySettings } from "./policy-settings.ts";
import {
  daysOrForever,
  file,
  platforms,
  platformsOrAuto,
  oneOf,
  optional,
  packageSet,
  packageSetOrAuto,
  setting,
  some,
  whole,
  type Settings,
} from "./setting.ts";
import { store } from "./store-settings.ts";

const logFormat = (usual: "text" | "json") =>
  setting("FIRN_LOG", "`text` for people, `json` for Cloud Logging", usual, oneOf("text", "json"));
const logLevel = setting(
  "FIRN_LOG_LEVEL",
  "`debug`, `info`, `warning` or `error`",
  "info",
  oneOf("debug", "info", "warning", "error"),
);

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

// What goes, and when.
const keeping = (days: string) =>
  ({
    keepMs: setting(
      "FIRN_KEEP_DAYS",
      "for how many days an image is kept that nobody pulls, or `forever`",
      days,
      daysOrForever,
    ),
    graceHours: setting(
      "FIRN_GRACE_HOURS",
      "how long layers stay that no image needs any more, for pulls and builds under way",
      "24",
      whole(6, 8760),
    ),
  }) as const;

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
  ...imageSettings,
  ...policySettings,
  popularity: file(
    "FIRN_POPULARITY",
    'JSON file that says how popular packages are: `{"glibc": 4211, ...}`',
  ),
  ...building,
  segmentsMb: segmentsMb("4000"),
  ...waiting,
  ...keeping("30"),
  ...localAccess,
  // Who has a machine to themselves would only keep themselves waiting.
  quota: quotaSetting("off"),
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
  ...imageSettings,
  ...policySettings,
  log: logFormat("json"),
  logLevel,
} as const;

/** The settings of the functions. */
export const functionsSettings = {
  ...cloud,
  ...waiting,
  ...keeping("90"),
  ...functionsAccess,
  quota: quotaSetting(
    "client=10 at once, 20/minute, 120/hour, 400/day, 7200s/hour; anonymous=40/minute, 600/hour, 3000/day; all=60/minute, 900/hour, 5000/day, 200000s/day",
  ),
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
  // Where a worker runs in a container, its disk is often its memory.
  segmentsMb: segmentsMb("500"),
  leaseSeconds: setting(
    "FIRN_LEASE_SECONDS",
    "how long a worker may be silent before others take over what it builds",
    "60",
    whole(4, 3600),
  ),
  data: setting("FIRN_DATA", "folder for what Nix must not collect", ".firn", some),
  ...store,
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
