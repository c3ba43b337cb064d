import { distance } from "fastest-levenshtein";
import { compareBytes } from "../core/bytewise.ts";

/** The names that were probably meant, nearest first, at most three; none where nothing is near. */
export function suggest(typed: string, names: readonly string[]): readonly string[] {
  const wanted = typed.toLowerCase();
  const limit = wanted.length < 4 ? 1 : Math.max(2, Math.floor(wanted.length / 3));
  return names
    .map((name) => ({ name, far: farness(wanted, name.toLowerCase().replace(/^_/, "")) }))
    .filter(({ far }) => far <= limit)
    .sort((a, b) => a.far - b.far || a.name.length - b.name.length || compareBytes(a.name, b.name))
    .slice(0, 3)
    .map(({ name }) => name);
}

// A name that begins with what was typed is as near as one typing error: `python` means `python3`.
function farness(wanted: string, name: string): number {
  const edits = haveSwapped(wanted, name) ? 1 : distance(wanted, name);
  return wanted.length >= 3 && name.startsWith(wanted) ? Math.min(edits, 1) : edits;
}

/** Whether two neighbours that changed places are all the difference: one slip of the fingers, though two edits. */
function haveSwapped(a: string, b: string): boolean {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  const swapped = a.slice(0, at) + (a[at + 1] ?? "") + (a[at] ?? "") + a.slice(at + 2);
  return at < a.length && swapped === b;
}
