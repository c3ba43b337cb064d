import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { needIn, needRoot } from "../support/need.ts";
import { processes } from "../support/processes.ts";
import { openSpace } from "../support/space.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const support = join(import.meta.dirname, "../support");
// Nobody else sleeps so long.
const napSeconds = 987_654;

const naps = () => processes().filter(({ command }) => command === `sleep ${napSeconds}`);

test("what runs in a space and what it mounts is seen by nobody else, and ends with it", async (context) => {
  needRoot(context);
  needIn("/", context, "unshare", "nsenter");
  await using folder = await temporaryFolder();
  const space = await openSpace(join(folder.path, "space"));
  space.spawn("sleep", [String(napSeconds)]);
  const mounted = await space.run("mount", ["-t", "tmpfs", "tmpfs", space.folder]);
  expect(mounted.exitCode, mounted.all).toBe(0);
  await eventually("it runs", () => naps().length > 0);
  expect((await space.run("cat", ["/proc/mounts"])).stdout).toContain(space.folder);
  expect(await readFile("/proc/mounts", "utf8")).not.toContain(space.folder);
  await space[Symbol.asyncDispose]();
  expect(naps()).toEqual([]);
});

test("a space ends also when whoever opened it is killed", async (context) => {
  needRoot(context);
  needIn("/", context, "unshare", "nsenter");
  await using folder = await temporaryFolder();
  const opening = `
    import { openSpace } from "${support}/space.ts";
    const space = await openSpace(${JSON.stringify(join(folder.path, "space"))});
    space.spawn("sleep", ["${napSeconds}"]);
  `;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", opening], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  await eventually("it runs", () => naps().length > 0);
  child.kill("SIGKILL");
  await once(child, "exit");
  const left = await eventually("nothing is left", () => (naps().length === 0 ? "nothing" : false));
  expect(left).toBe("nothing");
});
