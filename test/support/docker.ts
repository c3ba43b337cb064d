import { join } from "node:path";
import { digestsAmong, printed, printedJson, type ClientKind } from "./client.ts";
import { startDaemon } from "./daemon.ts";
import type { Ended } from "./program.ts";
import type { Space } from "./space.ts";

/** Docker's command line, connected to a daemon of its own. */
export type Docker = (...args: readonly string[]) => Promise<Ended>;

/** Starts a daemon with everything it keeps in the space; throws with its last words where it cannot run here. */
export async function startDocker(space: Space): Promise<Docker> {
  const { folder } = space;
  const socket = `unix://${join(folder, "docker.sock")}`;
  const options = [
    ["--data-root", join(folder, "data")],
    ["--exec-root", join(folder, "exec")],
    ["--pidfile", join(folder, "pid")],
    ["--host", socket],
    ["--bridge=none", "--iptables=false", "--ip6tables=false"],
  ];
  const docker: Docker = async (...args) => await space.run("docker", ["--host", socket, ...args]);
  await startDaemon(space, "dockerd", options.flat(), async () => {
    const info = await docker("info", "--format", "{{.ServerVersion}}");
    return info.exitCode === 0 && /^\d/.test(info.stdout);
  });
  return docker;
}

export const docker: ClientKind = {
  name: "docker",
  programs: ["dockerd", "docker", "runc"],
  can: ["run", "push", "sign in"],
  async start(space) {
    const ask = await startDocker(space);
    return {
      version: (await printed(ask("version", "--format", "{{.Server.Version}}"))).trim(),
      pull: async (reference) => await ask("pull", reference),
      async inspect(reference) {
        const [seen] = await printedJson<
          { RepoDigests: string[]; Config: { Labels: Record<string, string> } }[]
        >(ask("image", "inspect", reference));
        return {
          digests: digestsAmong(seen?.RepoDigests ?? [], reference),
          labels: seen?.Config.Labels ?? {},
        };
      },
      run: async (reference, ...command) =>
        await ask("run", "--rm", "--network", "none", reference, ...command),
      signIn: async (host, user, password) =>
        await ask("login", "--username", user, "--password", password, host),
      async push(reference, to) {
        await printed(ask("tag", reference, to));
        return await ask("push", to);
      },
    };
  },
};
