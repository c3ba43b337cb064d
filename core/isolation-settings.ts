import {
  oneOf,
  file,
  optionally,
  setting,
  whole,
  words,
  yesOrNo,
  type Settings,
} from "./setting.ts";

/** What package sets may do while they are evaluated, and how much of the machine they may take. */
export const isolation = {
  isolation: setting(
    "FIRN_ISOLATION",
    "`auto`: package sets are evaluated and built in a network of their own, from which metadata servers and this machine cannot be reached, where the kernel allows it, and a warning says why where it does not; `required`: nothing is built without; `off`",
    "auto",
    oneOf("auto", "required", "off"),
  ),
  importFromDerivation: setting(
    "FIRN_IMPORT_FROM_DERIVATION",
    "whether evaluating a package may have others built, to read what they made",
    "false",
    yesOrNo,
  ),
  evaluationUrls: setting(
    "FIRN_EVALUATION_URLS",
    "what package sets may fetch while they are evaluated, if they know its hash: URLs or what they begin with up to a `/`, separated by blanks, such as `https://github.com/NixOS/`; left out, nothing",
    "",
    words,
  ),
  impureEvaluation: setting(
    "FIRN_IMPURE_EVALUATION",
    "whether evaluation may read the worker's files, its environment and the time, and fetch anything: for package sets that are trusted as firn itself is",
    "false",
    yesOrNo,
  ),
  evaluationSeconds: setting(
    "FIRN_EVALUATION_SECONDS",
    "how long Nix may evaluate the packages of one image",
    "300",
    whole(1, 86_400),
  ),
  evaluationMb: setting(
    "FIRN_EVALUATION_MB",
    "megabytes of memory that one evaluation may take",
    "4000",
    whole(100, 1_000_000),
  ),
  buildMemoryMb: setting(
    "FIRN_BUILD_MEMORY_MB",
    "megabytes of memory that what is built for one image may take; left out, three quarters of what the worker has",
    "",
    optionally(whole(100, 10_000_000)),
  ),
  buildProcesses: setting(
    "FIRN_BUILD_PROCESSES",
    "processes that what is built for one image may have at once",
    "4096",
    whole(16, 1_000_000),
  ),
  diskReserveMb: setting(
    "FIRN_DISK_RESERVE_MB",
    "megabytes of the disk with `/nix` that builds have to leave free, of a small disk a twentieth: the build that wrote most is stopped",
    "500",
    whole(0, 1_000_000),
  ),
  buildLogMb: setting(
    "FIRN_BUILD_LOG_MB",
    "megabytes that one builder may print",
    "100",
    whole(1, 10_000),
  ),
  gitCredentials: file(
    "FIRN_GIT_CREDENTIALS",
    "file with what git signs in with to fetch a private package set, a line each: `https://<user>:<token>@<host>`; it is read when it is needed, and used for nothing else",
  ),
} as const;

export type IsolationSettings = Settings<typeof isolation>;
