import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "./docker.ts";
import { isInstalled } from "./need.ts";
import { program } from "./program.ts";

/** Podman with everything it keeps in a folder of its own. */
export interface Podman extends AsyncDisposable {
  readonly podman: Client;
  /** As podman's `run` needs them here, before the name of the image. */
  readonly limits: readonly string[];
}

/** Prepares podman in `folder`, which is made; disposing it takes its mounts away. */
export async function preparePodman(folder: string): Promise<Podman> {
  await mkdir(folder);
  // Debian leaves this file to another package; nothing is signed here.
  const policy = join(folder, "policy.json");
  await writeFile(policy, '{"default":[{"type":"insecureAcceptAnything"}]}');
  const storage = {
    driver: "overlay",
    graphroot: join(folder, "root"),
    runroot: join(folder, "run"),
  };
  const lines = Object.entries(storage).map(([name, value]) => `${name} = "${value}"\n`);
  await writeFile(join(folder, "storage.conf"), `[storage]\n${lines.join("")}`);
  const options = [
    ["--root", storage.graphroot],
    ["--runroot", storage.runroot],
    ["--tmpdir", join(folder, "tmp")],
    ["--cgroup-manager", "cgroupfs"],
    // Podman's first choice, crun, refuses machines that have cgroups of both versions.
    isInstalled("runc") ? ["--runtime", "runc"] : [],
    ["--events-backend", "file"],
  ].flat();
  return {
    podman: async (command = "", ...args) => {
      const signatures = command === "pull" ? [`--signature-policy=${policy}`] : [];
      return await program("podman", [...options, command, ...signatures, ...args], {
        mayFail: true,
        timeoutMs: 240_000,
        env: { CONTAINERS_STORAGE_CONF: join(folder, "storage.conf") },
      });
    },
    // Podman's own are above what a root without all of its capabilities may give.
    limits: ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"],
    [Symbol.asyncDispose]: async () => {
      // It mounts the folder of its layers over itself, and leaves it so; where it never ran there is no mount.
      await program("umount", ["--recursive", join(storage.graphroot, "overlay")], {
        mayFail: true,
      });
    },
  };
}
