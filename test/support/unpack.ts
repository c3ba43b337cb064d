import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Image } from "./image.ts";
import { program } from "./program.ts";

/** Runs a program of an unpacked image as a user, with the environment of the image; gives what it printed. */
export type RunInside = (user: number, ...command: readonly string[]) => Promise<string>;

/** Unpacks the layers of an image, in their order, into `root`, which is made, as a container's runtime would. */
export async function unpack(image: Image, root: string): Promise<RunInside> {
  await mkdir(root);
  for (const [i, { tar }] of image.layers.entries()) {
    const file = `${root}-layer-${i}.tar`;
    await writeFile(file, tar);
    const into = ["--file", file, "--directory", root];
    await program("tar", ["--extract", "--preserve-permissions", ...into]);
  }
  // A runtime brings the devices; git reads /dev/null.
  await mkdir(join(root, "dev"));
  await program("mknod", ["-m", "666", join(root, "dev/null"), "c", "1", "3"]);
  await program("mknod", ["-m", "666", join(root, "dev/urandom"), "c", "1", "9"]);
  const environment = ["-i", ...image.config.config.Env, "HOME=/tmp"];
  return async (user, ...command) => {
    const inside = ["chroot", `--userspec=${user}:${user}`, root, ...command];
    return (await program("env", [...environment, ...inside])).stdout;
  };
}
