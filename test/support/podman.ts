import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { digestsAmong, printed, printedJson, versionIn, type ClientKind } from "./client.ts";
import type { Ended } from "./program.ts";
import type { Space } from "./space.ts";

/** podman, asked as on a command line; an exit code other than 0 is an answer. */
export async function preparePodman(space: Space) {
  const { folder, policy, env } = await preparedStorage(space);
  const options = [
    ["--root", join(folder, "root")],
    ["--runroot", join(folder, "run")],
    ["--tmpdir", join(folder, "tmp")],
    ["--cgroup-manager", "cgroupfs"],
    // Podman's first choice, crun, refuses machines that have cgroups of both versions.
    ["--runtime", "runc"],
    ["--events-backend", "file"],
  ].flat();
  const podman = async (command: string, ...args: readonly string[]): Promise<Ended> => {
    const signatures = command === "pull" || command === "push" ? [policy] : [];
    return await space.run("podman", [...options, command, ...signatures, ...args], { env });
  };
  return { podman, inside: ["--rm", "--network", "none", ...limits] };
}

/** Podman's and buildah's own are above what a root without all of its capabilities may give. */
export const limits = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024"];

/** What podman and buildah have in common: storage in the folder of the space, and a policy that signs nothing. */
export async function preparedStorage(space: Space) {
  const { folder } = space;
  // Debian leaves this file to another package.
  const policy = join(folder, "policy.json");
  await writeFile(policy, '{"default":[{"type":"insecureAcceptAnything"}]}');
  const places = {
    driver: "overlay",
    graphroot: join(folder, "root"),
    runroot: join(folder, "run"),
  };
  const lines = Object.entries(places).map(([name, value]) => `${name} = "${value}"\n`);
  const storage = join(folder, "storage.conf");
  await writeFile(storage, `[storage]\n${lines.join("")}`);
  const env = { CONTAINERS_STORAGE_CONF: storage };
  return { folder, policy: `--signature-policy=${policy}`, env };
}

export const podman: ClientKind = {
  name: "podman",
  programs: ["podman", "runc"],
  can: ["run", "tags", "push", "sign in"],
  async start(space) {
    const prepared = await preparePodman(space);
    const { inside } = prepared;
    return {
      version: versionIn(
        await printed(prepared.podman("version", "--format", "{{.Client.Version}}")),
      ),
      pull: async (reference) => await prepared.podman("pull", "--tls-verify=false", reference),
      async inspect(reference) {
        const [seen] = await printedJson<
          { RepoDigests: string[]; Labels: Record<string, string> }[]
        >(prepared.podman("image", "inspect", reference));
        return {
          digests: digestsAmong(seen?.RepoDigests ?? [], reference),
          labels: seen?.Labels ?? {},
        };
      },
      run: async (reference, ...command) =>
        await prepared.podman("run", ...inside, reference, ...command),
      async tags(repository) {
        const args = ["--list-tags", "--tls-verify=false", repository];
        const [, ...lines] = (await printed(prepared.podman("search", ...args))).trim().split("\n");
        return lines.map((line) => line.split(/\s+/).at(-1) ?? "");
      },
      async signIn(host, user, password) {
        const account = ["--username", user, "--password", password];
        return await prepared.podman("login", "--tls-verify=false", ...account, host);
      },
      push: async (reference, to) =>
        await prepared.podman("push", "--tls-verify=false", reference, `docker://${to}`),
    };
  },
};
