import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { TestContext } from "vitest";

/** Skips a test, and says why, where `reason` is one; where nothing may be skipped (CI=true) that is a failure. */
export function skipFor(context: TestContext, reason: string | undefined): void {
  if (reason === undefined) return;
  if (process.env["CI"] === "true") throw new Error(`${reason}, and in CI nothing is skipped`);
  context.skip(reason);
}

/** Skips a test on a machine without these programs. */
export function need(context: TestContext, ...programs: readonly string[]): void {
  needIn("/", context, ...programs);
}

/** The same of a root that need not be this machine's own. */
export function needIn(root: string, context: TestContext, ...programs: readonly string[]): void {
  const missing = programs.filter((name) => !isInstalled(name, root));
  const reason = `${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} not installed`;
  skipFor(context, missing.length === 0 ? undefined : reason);
}

/** Skips a test where it would have to mount, chroot or become another user, and may not. */
export function needRoot(context: TestContext): void {
  skipFor(context, process.getuid?.() === 0 ? undefined : "this test has to run as root");
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
