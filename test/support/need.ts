import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { TestContext } from "vitest";

/** Skips a test, and says why; where nothing may be skipped (CI=true) that is a failure. */
export function skipFor(context: TestContext, reason: string): never {
  if (process.env["CI"] === "true") throw new Error(`${reason}, and in CI nothing is skipped`);
  return context.skip(reason);
}

/** Skips a test on a machine without these programs. */
export function need(context: TestContext, ...programs: readonly string[]): void {
  needIn("/", context, ...programs);
}

/** The same of a root that need not be this machine's own. */
export function needIn(root: string, context: TestContext, ...programs: readonly string[]): void {
  const missing = programs.filter((name) => !isInstalled(name, root));
  const reason = `${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} not installed`;
  if (missing.length > 0) skipFor(context, reason);
}

/** Skips a test where it would have to mount, chroot or become another user, and may not. */
export function needRoot(context: TestContext): void {
  if (process.getuid?.() !== 0) skipFor(context, "this test has to run as root");
}

// Users other than root often lack the folders in which Debian keeps daemons.
const searched = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];

export function isInstalled(name: string, root = "/"): boolean {
  return searched.some((folder) => {
    try {
      accessSync(join(root, folder, name), constants.X_OK);
      return true;
    } catch {
      return false; // not in this folder
    }
  });
}
