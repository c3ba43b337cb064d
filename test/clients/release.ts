import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { prepare } from "../support/prepare.ts";

const clients = ["skopeo", "podman", "buildah", "umoci", "docker.io", "docker-cli", "containerd"];
const others = ["runc", "oras", "netavark", "uidmap"];

/**
 * The root of another release of Debian with its clients in it: made once, in the cache of whoever runs this, and then
 * kept. Throws where it cannot be had.
 */
export function prepareRelease(suite: string): string {
  if (!/^[a-z]+$/.test(suite))
    throw new Error(`"${suite}" is not a release of Debian, such as trixie`);
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const root = join(cache, "firn", suite);
  if (existsSync(root)) return root;
  if (process.getuid?.() !== 0)
    throw new Error("another release of Debian can be had as root alone");
  const program = "debootstrap";
  if (
    prepare([{ program, packages: [program], without: "clients of another release" }]).length > 0
  ) {
    throw new Error("install debootstrap: the clients of another release are fetched with it");
  }
  mkdirSync(join(cache, "firn"), { recursive: true });
  const unfinished = `${root}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  console.log(`fetching Debian ${suite} into ${root}, which is kept`);
  runOrThrow("debootstrap", ["--variant=minbase", suite, unfinished]);
  // Nothing is to be started by an installation.
  writeFileSync(join(unfinished, "usr/sbin/policy-rc.d"), "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  for (const file of ["etc/resolv.conf", "etc/hosts"])
    copyFileSync(join("/", file), join(unfinished, file));
  const apt = [unfinished, "apt-get", "--quiet=2"];
  runOrThrow("chroot", [...apt, "update"]);
  const install = ["install", "--yes", "--no-install-recommends"];
  runOrThrow("chroot", [...apt, ...install, ...clients, ...others]);
  renameSync(unfinished, root);
  return root;
}

function runOrThrow(file: string, args: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const ended = spawnSync(file, args, { stdio: "inherit", env });
  if (ended.status !== 0) throw new Error(`${file} ${args.join(" ")} ended with ${ended.status}`);
}
