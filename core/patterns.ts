import { listed } from "./setting.ts";

/**
 * What is allowed and what is denied, as operators write it: patterns separated by commas, those with a `-` before them
 * deny. What is denied is denied, whatever else allows it, so their order means nothing.
 */
export interface PatternList {
  readonly allowed: readonly Pattern[];
  readonly denied: readonly Pattern[];
}

export interface Pattern {
  /** As it was written, without the `-`. */
  readonly text: string;
  readonly matches: (candidate: string) => boolean;
}

/**
 * Reads a list; `parse` reads one pattern, and throws an Error that says what would be understood. Throws where nothing
 * is allowed: who writes only what is denied may have meant to allow the rest, or forgotten what is allowed.
 */
export function parsePatterns(text: string, parse: (text: string) => Pattern): PatternList {
  const all = listed(text);
  const isDenial = (each: string) => each.startsWith("-");
  const allowed = all.filter((each) => !isDenial(each)).map(parse);
  const denied = all.filter(isDenial).map((each) => parse(each.slice(1).trim()));
  if (allowed.length === 0) {
    const rest = ["*", ...denied.map((each) => `-${each.text}`)].join(", ");
    throw new Error(`"${text}" allows nothing: write "${rest}" to allow everything else`);
  }
  return { allowed, denied };
}

/** An expression for text in which `*` stands for any characters of `wild`; all others stand for themselves. */
export function globbed(text: string, wild: string): string {
  return text
    .split("*")
    .map((part) => part.replace(/[^\w]/g, "\\$&"))
    .join(`${wild}*`);
}
