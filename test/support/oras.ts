import { printed, printedJson, versionIn, type ClientKind } from "./client.ts";
import { layoutOf } from "./skopeo.ts";

/** oras, which copies into an OCI layout as skopeo does. */
export const oras: ClientKind = {
  name: "oras",
  programs: ["oras"],
  can: ["tags", "push", "sign in"],
  async start(space) {
    const ask = async (...args: readonly string[]) => await space.run("oras", args);
    const copiedTo = (reference: string) => `${layoutOf(space, reference)}:latest`;
    return {
      version: versionIn(await printed(ask("version"))),
      pull: async (reference) =>
        await ask("copy", "--from-plain-http", reference, "--to-oci-layout", copiedTo(reference)),
      async inspect(reference) {
        const from = ["--oci-layout", copiedTo(reference)];
        const config = await printedJson<{ config: { Labels: Record<string, string> } }>(
          ask("manifest", "fetch-config", "--platform", "linux/amd64", ...from),
        );
        const { digest } = await printedJson<{ digest: string }>(
          ask("manifest", "fetch", "--descriptor", ...from),
        );
        return { digests: [digest], labels: config.config.Labels };
      },
      tags: async (repository) =>
        (await printed(ask("repo", "tags", "--plain-http", repository))).trim().split("\n"),
      signIn: async (host, user, password) =>
        await ask("login", "--plain-http", "--username", user, "--password", password, host),
      push: async (reference, to) =>
        await ask("copy", "--from-oci-layout", copiedTo(reference), "--to-plain-http", to),
    };
  },
};
