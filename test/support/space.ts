import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { program, type Ended, type ProgramOptions } from "./program.ts";

/** Programs of this machine, or of another root, with mounts and processes of their own. */
export interface Space extends AsyncDisposable {
  /** Has the same path outside and inside; what is to be kept is kept here. */
  readonly folder: string;
  run(file: string, args: readonly string[], options?: ProgramOptions): Promise<Ended>;
  /** Starts a daemon, which ends with the space. */
  spawn(file: string, args: readonly string[]): ChildProcess;
}

/**
 * What the first process of a space does. Everything that clients keep outside of the folder they are given is in
 * memory, and gone with the space. `pivot_root` rather than `chroot`: runc cannot pivot below a root that is no mount.
 */
const prepare = `
  set -e
  root=$1 folder=$2
  read -r pid _ < /proc/self/stat
  if [ "$root" != / ]; then
    mount --bind "$root" "$root"
    mount --rbind /dev "$root/dev"
    mount --rbind /sys "$root/sys"
    mount -t tmpfs tmpfs "$root/tmp"
    mkdir -p "$root$folder"
    mount --bind "$folder" "$root$folder"
    cd "$root"
    pivot_root . mnt
  fi
  mount -t proc proc /proc
  if [ "$root" != / ]; then umount -l /mnt; fi
  mount -t tmpfs tmpfs /run
  for kept in /var/lib/containers /var/lib/containerd /var/lib/docker /var/lib/cni; do
    if [ -d "$kept" ]; then mount -t tmpfs tmpfs "$kept"; fi
  done
  echo "$pid"
  exec cat
`;

const endMs = 10_000;

/** Opens a space in `folder`, which is made, for the programs below `root`; throws with what was said where it cannot. */
export async function openSpace(folder: string, root = "/"): Promise<Space> {
  await mkdir(folder);
  const groups = new Set(await controlGroups());
  const own = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"];
  // It ends with its input: also when this process is killed.
  const first = spawn("unshare", [...own, "sh", "-c", prepare, "sh", root, folder], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  let said = "";
  first.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  const ended = once(first, "close");
  const lines = createInterface({ input: first.stdout });
  const pid = await Promise.race([once(lines, "line").then(String), ended.then(() => undefined)]);
  if (pid === undefined) throw new Error(`mounts of one's own cannot be had here: ${said.trim()}`);
  const enter = ["--target", pid, "--mount", "--pid", "--"];
  const env = { HOME: folder, TMPDIR: folder, XDG_RUNTIME_DIR: undefined };
  return {
    folder,
    run: async (file, args, options = {}) =>
      await program("nsenter", [...enter, file, ...args], {
        mayFail: true,
        timeoutMs: 30 * 60_000,
        ...options,
        env: { ...env, ...options.env },
      }),
    spawn: (file, args) =>
      spawn("nsenter", [...enter, file, ...args], {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, ...env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` },
      }),
    async [Symbol.asyncDispose]() {
      first.stdin.end();
      const forced = setTimeout(() => first.kill("SIGKILL"), endMs);
      await ended;
      clearTimeout(forced);
      for (const path of await controlGroups()) if (!groups.has(path)) await removeEmpty(path);
    },
  };
}

// What the engines call the control groups above those of their containers; they never remove them.
const named = new Set(["docker", "default", "libpod_parent"]);
const controlGroupRoot = "/sys/fs/cgroup";

async function controlGroups(): Promise<readonly string[]> {
  const foldersOf = async (path: string) => {
    const entries = await readdir(path, { withFileTypes: true }).catch(() => []); // none is mounted
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name));
  };
  // With cgroups of version 1 there is one hierarchy a controller, one level below.
  const hierarchies = [controlGroupRoot, ...(await foldersOf(controlGroupRoot))];
  const all = (await Promise.all(hierarchies.map(foldersOf))).flat();
  return all.filter((path) => named.has(path.slice(path.lastIndexOf("/") + 1)));
}

/** Removes a control group and those in it, as far as nothing runs there. */
async function removeEmpty(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []); // another space removed it
  const inner = entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(path, name));
  for (const each of inner) await removeEmpty(each);
  try {
    await rmdir(path);
  } catch {
    // Another space uses it, and is the one to remove it.
  }
}
