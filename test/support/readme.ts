import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { localSettings } from "../../core/settings.ts";

const path = join(import.meta.dirname, "../../README.md");
const begin = "<!-- settings: written by `npm run readme` -->";
const end = "<!-- end of settings -->";

export function readme(): string {
  return readFileSync(path, "utf8");
}

/** The README with the table of settings as the code has them. */
export function freshReadme(): string {
  const text = readme();
  const [before, rest] = text.split(begin);
  const [, after] = rest?.split(end) ?? [];
  if (before === undefined || after === undefined) throw new Error(`README.md lacks ${begin}`);
  return `${before}${begin}\n\n${settingsTable()}\n\n${end}${after}`;
}

function settingsTable(): string {
  const rows = Object.values(localSettings).map(({ variable, default: fallback, meaning }) => {
    const shown = fallback === "" ? "" : `\`${fallback}\``;
    return `| \`${variable}\` | ${shown} | ${meaning} |`;
  });
  return ["| variable | default | meaning |", "| --- | --- | --- |", ...rows].join("\n");
}

if (import.meta.main) writeFileSync(path, freshReadme());
