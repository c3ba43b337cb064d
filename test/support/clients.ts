import { buildah } from "./buildah.ts";
import type { ClientKind } from "./client.ts";
import { containerd } from "./containerd.ts";
import { docker } from "./docker.ts";
import { isInstalled } from "./need.ts";
import { oras } from "./oras.ts";
import { podman } from "./podman.ts";
import { skopeo } from "./skopeo.ts";
import { umoci } from "./umoci.ts";

/** Where the programs of the clients are: this machine's own root, or that of another release of Debian. */
export const clientRoot = process.env["TEST_CLIENT_ROOT"] ?? "/";

const everywhere = [skopeo, podman, buildah, umoci, docker, containerd];

/** Every client that can be had: what is true of pulling has to be true of each. Debian 12 has no oras yet. */
export const clientKinds: readonly ClientKind[] = isInstalled("oras", clientRoot)
  ? [...everywhere, oras]
  : everywhere;
