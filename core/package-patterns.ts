import { globbed, parsePatterns, type Pattern, type PatternList } from "./patterns.ts";

const wordPattern = /^[\w*+'-]+(?:\.[\w*+'-]+)*$/;

/**
 * Reads patterns of attribute paths: `git`, `python3Packages.*` for all that is in it, however deep, `linux_*`, where `*`
 * stands for any characters but a dot, and `*` for everything. Throws an Error that says what would be understood.
 */
export function parsePackagePatterns(text: string): PatternList {
  return parsePatterns(text, parsePackagePattern);
}

function parsePackagePattern(text: string): Pattern {
  if (!wordPattern.test(text)) {
    throw new Error(
      `"${text}" is not a pattern of packages: write attribute paths such as git, python3Packages.* or *, separated by commas, with - before what is denied`,
    );
  }
  const path = comparable(text);
  const below = path === "*" ? "" : path.endsWith(".*") ? path.slice(0, -".*".length) : undefined;
  const expression =
    below === undefined
      ? globbed(path, "[^.]")
      : below === ""
        ? ".+"
        : `${globbed(below, "[^.]")}\\..+`;
  const whole = new RegExp(`^${expression}$`);
  return { text, matches: (candidate) => whole.test(comparable(candidate)) };
}

/** Names find packages without regard to case, and to the underscore that Nix puts before a digit: so do patterns. */
function comparable(path: string): string {
  return path
    .toLowerCase()
    .split(".")
    .map((component) => component.replace(/^_+(?=[^_*])/, ""))
    .join(".");
}

// As nixpkgs calls them.
const outputNames = new Set(
  "out bin lib dev static man doc devdoc devman info debug".split(" "), // one a word
);

/** Whether a path looks like that of an output of a package, `openssl.dev`: who has no Nix to ask cannot know. */
export function namesOutput(path: string): boolean {
  return path.includes(".") && outputNames.has(path.slice(path.lastIndexOf(".") + 1));
}

/**
 * Why a list does not let an attribute path through, in a few words; undefined where it does. What is denied is denied
 * with all that is in it, so with its outputs and with what it carries along (`python3.pkgs.requests`). What is allowed
 * is allowed with its outputs alone.
 */
export function packageRefusal(
  list: PatternList,
  path: string,
  isOutput = namesOutput(path),
): string | undefined {
  const denial = denialOf(list, path);
  if (denial !== undefined) return `denied by ${denial}`;
  const paths = isOutput ? [path, path.slice(0, path.lastIndexOf("."))] : [path];
  const isAllowed = list.allowed.some(({ matches }) => paths.some(matches));
  return isAllowed ? undefined : "not among what is built here";
}

/** The pattern that denies a path; undefined where none does. */
export function denialOf({ denied }: PatternList, path: string): string | undefined {
  const components = path.split(".");
  const within = components.map((_, i) => components.slice(0, i + 1).join("."));
  return denied.find(({ matches }) => within.some(matches))?.text;
}

/** Paths that are denied, by themselves: those without a `*`. */
export function deniedPaths({ denied }: PatternList): readonly string[] {
  return denied.map(({ text }) => text).filter((text) => !text.includes("*"));
}

/**
 * Paths that are denied and may be what stands elsewhere under one of these names: where `python3Packages.*` is denied,
 * of `requests` it is `python3Packages.requests`. Patterns with a `*` before the last dot have none.
 */
export function deniedTwins({ denied }: PatternList, names: readonly string[]): readonly string[] {
  return denied.flatMap(({ text, matches }) => {
    const dot = text.lastIndexOf(".") + 1;
    const folder = text.slice(0, dot);
    if (!text.includes("*", dot) || folder.includes("*")) return [];
    return names.map((name) => `${folder}${name}`).filter(matches);
  });
}
