import type { Architecture, Platforms } from "./image.ts";
import { parsePackageSet, type PackageSet } from "./package-set.ts";

/** One setting: an environment variable, what it means, and how its text becomes a value. */
export interface Setting<T> {
  readonly variable: string;
  readonly meaning: string;
  /** As somebody would write it. */
  readonly default: string;
  /** Throws an Error that says what would be understood. */
  readonly parse: (text: string) => T;
  /** It names a file, which whoever deploys has to bring to where the program runs. */
  readonly isFile?: true;
}

export type Settings<S> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never };
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

export function setting<T>(
  variable: string,
  meaning: string,
  fallback: string,
  parse: (text: string) => T,
): Setting<T> {
  return { variable, meaning, default: fallback, parse };
}

/** A setting that names a file: undefined where it is left out. */
export function file(variable: string, meaning: string): Setting<string | undefined> {
  return { ...setting(variable, meaning, "", optional), isFile: true };
}

export function some(text: string): string {
  if (text.trim() === "") throw new Error("it is empty; give it a value or leave it out");
  return text;
}

export function optional(text: string): string | undefined {
  return text === "" ? undefined : text;
}

/** Reads what is not empty by another parser. */
export function optionally<T>(parse: (text: string) => T) {
  return (text: string): T | undefined => (text === "" ? undefined : parse(text));
}

/** Words with blanks between them; none, where it is empty. */
export function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

/** What stands between commas, without the blanks around it and without what is empty. */
export function listed(text: string): readonly string[] {
  return text
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
}

export function whole(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new Error(`"${text}" is not a whole number from ${least} to ${most}`);
  };
}

/** A number of days in milliseconds; Infinity for ever. */
export function daysOrForever(text: string): number {
  if (text === "forever") return Infinity;
  if (/^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= 36_500) {
    return Number(text) * 24 * 60 * 60_000;
  }
  throw new Error(`"${text}" is neither a number of days from 1 to 36500 nor \`forever\``);
}

export function oneOf<T extends string>(...choices: readonly T[]) {
  return (text: string): T => {
    const chosen = choices.find((choice) => choice === text);
    if (chosen === undefined) throw new Error(`"${text}" is none of ${choices.join(", ")}`);
    return chosen;
  };
}

export function yesOrNo(text: string): boolean {
  return oneOf("true", "false")(text) === "true";
}

export function withRevision(text: string): string {
  if (!text.includes("{revision}"))
    throw new Error(`"${text}" lacks {revision}, where the commit goes`);
  return text;
}

export function packageSet(text: string): PackageSet {
  return parsePackageSet(text);
}

export function packageSetOrAuto(text: string): PackageSet | "auto" {
  return text === "auto" ? "auto" : parsePackageSet(text);
}

export function platforms(text: string): Platforms {
  const [first, ...others] = text.split(",").map((each) => architecture(each.trim()));
  if (first === undefined || new Set([first, ...others]).size !== others.length + 1) {
    throw new Error(`"${text}" names a platform twice`);
  }
  return [first, ...others];
}

export function platformsOrAuto(text: string): Platforms | "auto" {
  return text === "auto" ? "auto" : platforms(text);
}

function architecture(text: string): Architecture {
  return oneOf<Architecture>("amd64", "arm64")(text);
}
