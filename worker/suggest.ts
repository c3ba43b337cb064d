import { distance } from "fastest-levenshtein";
import { compareBytes } from "../core/bytewise.ts";

/** The names that were probably meant, nearest first, at most three; none where nothing is near. */
export function suggest(typed: string, names: readonly string[]): readonly string[] {
  const wanted = typed.toLowerCase();
  // Two letters that changed places are two edits.
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
  const edits = distance(wanted, name);
  return wanted.length >= 3 && name.startsWith(wanted) ? Math.min(edits, 1) : edits;
}
