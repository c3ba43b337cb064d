import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createRun } from "../../worker/run.ts";
import { seedStore } from "../../worker/seed-store.ts";
import { recordingLog } from "../support/recording-log.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const { signal } = new AbortController();

/** A copy of a store, whose folders are as Nix leaves them, and an empty disk. */
async function seedAndDisk(path: string) {
  const seed = join(path, "seed");
  const disk = join(path, "disk");
  await mkdir(join(seed, "store/abc-hello/bin"), { recursive: true });
  await mkdir(join(seed, "var/nix/db"), { recursive: true });
  await writeFile(join(seed, "store/abc-hello/bin/hello"), "hello", { mode: 0o555 });
  for (const folder of ["store/abc-hello/bin", "store/abc-hello"]) {
    await chmod(join(seed, folder), 0o555);
  }
  await writeFile(join(seed, "var/nix/db/db.sqlite"), "paths");
  await mkdir(disk);
  const { log, events } = recordingLog();
  const run = createRun({ PATH: process.env["PATH"] ?? "" });
  const fill = async () => await seedStore({ run, log, seed, folder: disk }, signal);
  const said = () => events.map(({ message }) => message);
  return { disk, fill, said, seed };
}

test("an empty disk gets all of the copy, with its modes, and a disk in use nothing", async () => {
  await using folder = await temporaryFolder();
  const { disk, fill, said, seed } = await seedAndDisk(folder.path);
  await mkdir(join(disk, "lost+found"));
  await fill();
  expect((await readdir(disk)).sort()).toEqual(["lost+found", "store", "var"]);
  const program = await stat(join(disk, "store/abc-hello/bin/hello"));
  expect(program.mode & 0o777).toBe(0o555);
  expect(said()).toEqual([`filled the empty ${disk} from ${seed}`]);

  await writeFile(join(disk, "var/nix/db/db.sqlite"), "more paths");
  await fill();
  expect(await readFile(join(disk, "var/nix/db/db.sqlite"), "utf8")).toBe("more paths");
  expect(said()).toHaveLength(1);
});

test("a copy that was interrupted is made anew", async () => {
  await using folder = await temporaryFolder();
  const { disk, fill } = await seedAndDisk(folder.path);
  await fill();
  // As if it had been killed: the mark is there, a file is half of what it is to be, another folder was not begun.
  await writeFile(join(disk, ".seeding"), "");
  await writeFile(join(disk, "var/nix/db/db.sqlite"), "pa");
  await fill();
  expect(await readFile(join(disk, "var/nix/db/db.sqlite"), "utf8")).toBe("paths");
  expect((await readdir(disk)).sort()).toEqual(["store", "var"]);
});
