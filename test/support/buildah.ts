import { join } from "node:path";
import { printed, printedJson, versionIn, type ClientKind } from "./client.ts";
import { limits, preparedStorage } from "./podman.ts";

export const buildah: ClientKind = {
  name: "buildah",
  programs: ["buildah", "runc"],
  can: ["run", "push", "sign in"],
  async start(space) {
    const { folder, policy, env } = await preparedStorage(space);
    const places = ["--root", join(folder, "root"), "--runroot", join(folder, "run")];
    const ask = async (command: string, ...args: readonly string[]) =>
      await space.run("buildah", [...places, command, ...args], { env });
    return {
      version: versionIn(await printed(space.run("buildah", ["--version"]))),
      pull: async (reference) => await ask("pull", policy, "--tls-verify=false", reference),
      async inspect(reference) {
        const seen = await printedJson<{ FromImageDigest: string; Config: string }>(
          ask("inspect", "--type", "image", reference),
        );
        const { config } = JSON.parse(seen.Config) as {
          config: { Labels: Record<string, string> };
        };
        return { digests: [seen.FromImageDigest], labels: config.Labels };
      },
      async run(reference, ...command) {
        const from = ["--pull-never", ...limits, policy, "--tls-verify=false", reference];
        const container = (await printed(ask("from", ...from))).trim();
        try {
          const inside = ["--runtime", "runc", "--network", "none", container];
          return await ask("run", ...inside, ...command);
        } finally {
          await ask("rm", container);
        }
      },
      async signIn(host, user, password) {
        const account = ["--username", user, "--password", password];
        return await ask("login", "--tls-verify=false", ...account, host);
      },
      push: async (reference, to) =>
        await ask("push", policy, "--tls-verify=false", reference, `docker://${to}`),
    };
  },
};
