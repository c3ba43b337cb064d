import { createHash } from "node:crypto";

const separators = ["|", "~", "#", "@@", ";;", "%%"];

/**
 * The flag of gcloud that sets environment variables, all of them. Values may have commas in them, so another
 * separator is declared, as `gcloud topic escaping` has it.
 */
export function environmentFlag(environment: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const separator = separators.find((each) => !pairs.some((pair) => pair.includes(each)));
  if (separator === undefined) {
    throw new Error(
      `the settings have all of ${separators.join(" ")} in them, and one has to be left for gcloud`,
    );
  }
  return `--set-env-vars=^${separator}^${pairs.join(separator)}`;
}

/** A short name of what is hashed, as a label of Google Cloud may have it. */
export function hashOf(value: unknown): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex").slice(0, 16);
}
