import { referenceOf, selectRevision, type PackageSet } from "./package-set.ts";
import { globbed, parsePatterns, type Pattern, type PatternList } from "./patterns.ts";

const namePattern = /^[\w.*/+-]+$/;
const commitPattern = /^[0-9a-f]{40}$/;

/**
 * Reads patterns of what a tag may select: `nixos-*` for channels, branches, tags and served revisions by their name,
 * `commit:*` for commits, 40 hexadecimal digits for one, and `*` for everything. Throws an Error that says what would be
 * understood.
 */
export function parseRevisionPatterns(text: string): PatternList {
  return parsePatterns(text, parseRevisionPattern);
}

function parseRevisionPattern(text: string): Pattern {
  if (text === "*") return { text, matches: () => true };
  if (text === "commit:*") return { text, matches: (revision) => commitPattern.test(revision) };
  const commit = text.replace(/^commit:/, "");
  if (commitPattern.test(commit)) return { text, matches: (revision) => revision === commit };
  if (!namePattern.test(text)) {
    throw new Error(
      `"${text}" is not a pattern of revisions: write names such as nixos-25.11 or nixos-*, commit:* for commits, a commit or *, separated by commas, with - before what is denied`,
    );
  }
  const whole = new RegExp(`^${globbed(text, ".")}$`);
  return { text, matches: (name) => !commitPattern.test(name) && whole.test(name) };
}

/**
 * Why nothing may be built of what a tag selects, in a few words; undefined where it may. `latest`, and what it stands
 * for, is what the registry is set to.
 */
export function revisionRefusal(
  { allowed, denied }: PatternList,
  packageSet: PackageSet,
  tag: string,
): string | undefined {
  if (tag === "latest" || tag === referenceOf(packageSet)) return undefined;
  const selection = selectRevision(packageSet, tag);
  const name = selection.kind === "revision" ? selection.revision : (selection.reference ?? tag);
  const denial = denied.find(({ matches }) => matches(name));
  if (denial !== undefined) return `denied by ${denial.text}`;
  return allowed.some(({ matches }) => matches(name)) ? undefined : "not among what is built here";
}
