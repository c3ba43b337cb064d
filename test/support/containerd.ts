import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { printed, printedJson, versionIn, type ClientKind } from "./client.ts";
import { startDaemon } from "./daemon.ts";

/** A daemon of containerd with everything it keeps in the space, asked by its own `ctr`. */
export const containerd: ClientKind = {
  name: "containerd",
  programs: ["containerd", "ctr", "runc"],
  can: ["run", "push", "sign in"],
  async start(space) {
    const { folder } = space;
    const socket = join(folder, "containerd.sock");
    const config = join(folder, "config.toml");
    await writeFile(config, configOf(folder, socket));
    const ctr = async (...args: readonly string[]) =>
      await space.run("ctr", ["--address", socket, ...args]);
    const answers = async () => (await ctr("version")).exitCode === 0;
    await startDaemon(space, "containerd", ["--config", config], answers);
    let containers = 0;
    // It keeps no passwords: each command is given one.
    let account: readonly string[] = [];

    async function manifestDigestOf(reference: string): Promise<string> {
      const lines = (await printed(ctr("images", "ls"))).split("\n");
      const line = lines.find((each) => each.startsWith(`${reference} `));
      return /sha256:[0-9a-f]{64}/.exec(line?.slice(reference.length) ?? "")?.[0] ?? "";
    }
    const content = async <T>(digest: string) =>
      await printedJson<T>(ctr("content", "get", digest));

    /** The manifest that is there, out of an index of several. */
    async function ownManifestOf(digest: string): Promise<Described> {
      const manifest = await content<Manifest>(digest);
      if (manifest.manifests === undefined) return { digest, manifest };
      const listed = await printed(ctr("content", "ls", "--quiet"));
      const own = manifest.manifests.find((each) => listed.includes(each.digest));
      if (own === undefined) throw new Error(`nothing of the index ${digest} was pulled`);
      return await ownManifestOf(own.digest);
    }

    return {
      version: versionIn(await printed(ctr("version"))),
      pull: async (reference) => await ctr("images", "pull", "--plain-http", ...account, reference),
      async signIn(host, user, password) {
        account = user === "" ? [] : ["--user", `${user}:${password}`];
        return { exitCode: 0, stdout: "", stderr: "", all: `kept for ${host}` };
      },
      async inspect(reference) {
        const digest = await manifestDigestOf(reference);
        const own = await ownManifestOf(digest);
        const image = await content<{ config: { Labels: Record<string, string> } }>(
          own.manifest.config.digest,
        );
        return { digests: [...new Set([digest, own.digest])], labels: image.config.Labels };
      },
      async run(reference, ...command) {
        containers += 1;
        return await ctr("run", "--rm", reference, `run-${containers}`, ...command);
      },
      async push(reference, to) {
        await printed(ctr("images", "tag", "--force", reference, to));
        return await ctr("images", "push", "--plain-http", to);
      },
    };
  },
};

/** A manifest, or an index, which has `manifests`. */
interface Manifest {
  readonly config: { readonly digest: string };
  readonly manifests?: readonly { readonly digest: string }[];
}

interface Described {
  readonly digest: string;
  readonly manifest: Manifest;
}

function configOf(folder: string, socket: string): string {
  return `version = 2
root = "${folder}/root"
state = "${folder}/state"
# What Kubernetes asks would want a network.
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${socket}"
[ttrpc]
  address = "${socket}.ttrpc"
`;
}
