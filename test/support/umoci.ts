import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { printed, versionIn, type ClientKind } from "./client.ts";
import { copyToLayout, layoutOf } from "./skopeo.ts";

/** umoci, which speaks to no registry: skopeo pulls into a layout, and umoci unpacks that to run it. */
export const umoci: ClientKind = {
  name: "umoci",
  programs: ["umoci", "skopeo", "chroot"],
  can: ["run"],
  async start(space) {
    const version = versionIn(await printed(space.run("umoci", ["--version"])));
    const bundles = new Map<string, string>();
    let unpacked = 0;
    const bundleOf = (reference: string): string => {
      const bundle = bundles.get(reference);
      if (bundle === undefined) throw new Error(`${reference} was not pulled`);
      return bundle;
    };
    return {
      version,
      async pull(reference) {
        const copied = await copyToLayout(space, reference);
        if (copied.exitCode !== 0) return copied;
        unpacked += 1;
        const bundle = join(space.folder, `bundle-${unpacked}`);
        bundles.set(reference, bundle);
        const image = `${layoutOf(space, reference)}:latest`;
        return await space.run("umoci", ["unpack", "--image", image, bundle]);
      },
      async inspect(reference) {
        // The name of this file is how umoci remembers what it unpacked.
        const meta = await readFile(join(bundleOf(reference), "umoci.json"), "utf8");
        const { from_descriptor_path: from } = JSON.parse(meta) as {
          from_descriptor_path: { descriptor_walk: { digest: string }[] };
        };
        const config = await readFile(join(bundleOf(reference), "config.json"), "utf8");
        const { annotations } = JSON.parse(config) as { annotations: Record<string, string> };
        return { digests: from.descriptor_walk.map(({ digest }) => digest), labels: annotations };
      },
      async run(reference, ...command) {
        const root = join(bundleOf(reference), "rootfs");
        return await space.run("env", ["-i", "PATH=/bin", "/usr/sbin/chroot", root, ...command]);
      },
    };
  },
};
