import type { Architecture } from "./image.ts";
import { parsePackageSet, publicNixpkgs, type PackageSet } from "./package-set.ts";

/** One setting: an environment variable, what it means, and how its text becomes a value. */
interface Setting<T> {
  readonly variable: string;
  readonly meaning: string;
  /** As somebody would write it. */
  readonly default: string;
  /** Throws an Error that says what would be understood. */
  readonly parse: (text: string) => T;
}

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
  architecture: setting(
    "FIRN_ARCHITECTURE",
    "`amd64` or `arm64`, for names that do not say; `auto` is this machine's",
    "auto",
    architectureOrAuto,
  ),
  layers: setting(
    "FIRN_LAYERS",
    "layers an image may have; Docker's limit is 125",
    "94",
    whole(2, 125),
  ),
  popularity: setting(
    "FIRN_POPULARITY",
    'JSON file that says how popular packages are: `{"glibc": 4211, ...}`',
    "",
    optional,
  ),
  builds: setting("FIRN_BUILDS", "builds at the same time", "2", whole(1, 64)),
  prebuilds: setting(
    "FIRN_PREBUILDS",
    "builds at the same time that nobody waits for, beside the others",
    "1",
    whole(1, 64),
  ),
  prebuildImages: setting(
    "FIRN_PREBUILD_IMAGES",
    "how many of the images pulled in the last week are built before a moving tag moves",
    "50",
    whole(0, 1000),
  ),
  buildMinutes: setting(
    "FIRN_BUILD_MINUTES",
    "how long Nix may take for one image",
    "30",
    whole(1, 1440),
  ),
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
  nixConfig: setting(
    "FIRN_NIX_CONFIG",
    "further lines of nix.conf, separated by `;`",
    "",
    optional,
  ),
  log: setting(
    "FIRN_LOG",
    "`text` for people, `json` for Cloud Logging",
    "text",
    oneOf("text", "json"),
  ),
  logLevel: setting(
    "FIRN_LOG_LEVEL",
    "`debug`, `info`, `warning` or `error`",
    "info",
    oneOf("debug", "info", "warning", "error"),
  ),
} as const;

type Settings<S> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never };
export type LocalSettings = Settings<typeof localSettings>;

/**
 * Reads settings from an environment. Throws one Error that names all problems: values that are not understood, and
 * variables that begin with FIRN_ and are none of these.
 */
export function readSettings<S extends Readonly<Record<string, Setting<unknown>>>>(
  settings: S,
  environment: Readonly<Record<string, string | undefined>>,
): Settings<S> {
  const problems: string[] = [];
  const values = Object.entries(settings).map(([name, { variable, default: fallback, parse }]) => {
    try {
      return [name, parse(environment[variable] ?? fallback)];
    } catch (error) {
      problems.push(`${variable}: ${error instanceof Error ? error.message : String(error)}`);
      return [name, undefined];
    }
  });
  const known = new Set(Object.values(settings).map(({ variable }) => variable));
  for (const variable of Object.keys(environment)) {
    if (variable.startsWith("FIRN_") && !known.has(variable)) {
      problems.push(`${variable}: there is no such setting`);
    }
  }
  if (problems.length > 0) throw new Error(`The settings are wrong.\n${problems.join("\n")}`);
  return Object.fromEntries(values) as Settings<S>; // each name got what its own parser gave
}

function setting<T>(
  variable: string,
  meaning: string,
  fallback: string,
  parse: (text: string) => T,
): Setting<T> {
  return { variable, meaning, default: fallback, parse };
}

function some(text: string): string {
  if (text.trim() === "") throw new Error("it is empty; give it a value or leave it out");
  return text;
}

function optional(text: string): string | undefined {
  return text === "" ? undefined : text;
}

function whole(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new Error(`"${text}" is not a whole number from ${least} to ${most}`);
  };
}

function oneOf<T extends string>(...choices: readonly T[]) {
  return (text: string): T => {
    const chosen = choices.find((choice) => choice === text);
    if (chosen === undefined) throw new Error(`"${text}" is none of ${choices.join(", ")}`);
    return chosen;
  };
}

function yesOrNo(text: string): boolean {
  return oneOf("true", "false")(text) === "true";
}

function withRevision(text: string): string {
  if (!text.includes("{revision}"))
    throw new Error(`"${text}" lacks {revision}, where the commit goes`);
  return text;
}

function packageSetOrAuto(text: string): PackageSet | "auto" {
  return text === "auto" ? "auto" : parsePackageSet(text);
}

function architectureOrAuto(text: string): Architecture | "auto" {
  return oneOf<Architecture | "auto">("amd64", "arm64", "auto")(text);
}
