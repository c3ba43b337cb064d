import { join } from "node:path";
import { printed, printedJson, repositoryOf, versionIn, type ClientKind } from "./client.ts";
import type { Ended } from "./program.ts";
import type { Space } from "./space.ts";

const plainHttp = "--src-tls-verify=false";

/** Where skopeo copies the images of a repository to: an OCI layout. */
export function layoutOf(space: Space, reference: string): string {
  return join(space.folder, repositoryOf(reference).replaceAll(/[^\w.-]/g, "-"));
}

/** `skopeo copy` from a registry into the layout of the repository; a second one finds the layers of the first. */
export async function copyToLayout(space: Space, reference: string): Promise<Ended> {
  const to = `oci:${layoutOf(space, reference)}:latest`;
  return await space.run("skopeo", [
    "--insecure-policy",
    "copy",
    plainHttp,
    `docker://${reference}`,
    to,
  ]);
}

export const skopeo: ClientKind = {
  name: "skopeo",
  programs: ["skopeo"],
  can: ["tags", "push", "sign in"],
  async start(space) {
    const version = versionIn(await printed(space.run("skopeo", ["--version"])));
    return {
      version,
      pull: async (reference) => await copyToLayout(space, reference),
      async inspect(reference) {
        const args = ["inspect", "--tls-verify=false", `docker://${reference}`];
        const seen = await printedJson<{ Digest: string; Labels: Record<string, string> }>(
          space.run("skopeo", args),
        );
        return { digests: [seen.Digest], labels: seen.Labels };
      },
      async tags(repository) {
        const args = ["list-tags", "--tls-verify=false", `docker://${repository}`];
        return (await printedJson<{ Tags: string[] }>(space.run("skopeo", args))).Tags;
      },
      async signIn(host, user, password) {
        const account = ["--username", user, "--password", password];
        return await space.run("skopeo", ["login", "--tls-verify=false", ...account, host]);
      },
      async push(reference, to) {
        const from = `oci:${layoutOf(space, reference)}:latest`;
        const copy = ["--insecure-policy", "copy", "--dest-tls-verify=false"];
        return await space.run("skopeo", [...copy, from, `docker://${to}`]);
      },
    };
  },
};
