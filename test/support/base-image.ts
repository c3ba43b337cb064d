import { cp, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { printed } from "./client.ts";
import type { Docker } from "./docker.ts";
import { program } from "./program.ts";

const certificates = "/usr/local/share/ca-certificates";

/**
 * Gives a daemon the image `debian:<suite>-slim`: the published one, or where no registry can be reached, one that is made
 * of the same packages, once, and kept in the cache of whoever runs this.
 */
export async function provideDebian(docker: Docker, suite: string): Promise<void> {
  const name = `debian:${suite}-slim`;
  const pulled = await docker("pull", name);
  if (pulled.exitCode === 0) return;
  await printed(docker("import", await archiveOf(suite), name));
}

async function archiveOf(suite: string): Promise<string> {
  const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "firn");
  const archive = join(cache, `${suite}-slim.tar`);
  if (existsSync(archive)) return archive;
  const root = `${archive}.unfinished`;
  await rm(root, { recursive: true, force: true });
  await mkdir(cache, { recursive: true });
  await program("debootstrap", ["--variant=minbase", suite, root], { timeoutMs: 15 * 60_000 });
  // As the published image has it: dpkg need not wait for the disk, and nobody reads a manual in a container.
  await writeFile(join(root, "etc/dpkg/dpkg.cfg.d/slim"), dpkgOptions);
  const needless = ["var/cache/apt", "var/lib/apt/lists", "usr/share/locale", "usr/share/man"];
  for (const folder of needless) {
    await rm(join(root, folder), { recursive: true, force: true });
    await mkdir(join(root, folder));
  }
  // What this machine trusts beyond Debian's own, a build that fetches through the same network has to trust as well.
  if (existsSync(certificates))
    await cp(certificates, join(root, certificates), { recursive: true });
  await program("tar", ["--create", "--file", `${root}.tar`, "--directory", root, "."]);
  await rename(`${root}.tar`, archive);
  await rm(root, { recursive: true, force: true });
  return archive;
}

const dpkgOptions = `force-unsafe-io
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
`;
