import { afterAll, beforeAll, expect, test } from "vitest";
import { clientKinds } from "../support/clients.ts";
import { startFirn, type Firn } from "../support/firn.ts";
import { need } from "../support/need.ts";
import { writeUnbuiltPackageSet } from "../support/package-set.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { createStartedClients, type StartedClients } from "./started-clients.ts";

// A registry of two platforms, both of which this machine builds where it is told that it may: the fixture's builders
// are shell scripts.
const foreign = process.arch === "arm64" ? "x86_64-linux" : "aarch64-linux";
const own = process.arch === "arm64" ? "arm64" : "amd64";

interface Index {
  readonly manifests: readonly {
    readonly digest: string;
    readonly platform: { readonly architecture: string };
  }[];
}

const resources = new AsyncDisposableStack();
let clients: StartedClients;
let firn: Firn;
let index: Index;
let indexDigest: string;

beforeAll(async () => {
  const folder = resources.use(await temporaryFolder());
  firn = await startFirn({
    packageSet: await writeUnbuiltPackageSet(folder.path),
    env: {
      FIRN_PLATFORMS: "amd64,arm64",
      FIRN_NIX_CONFIG: `sandbox = false; substituters =; extra-platforms = ${foreign}`,
    },
  });
  resources.use(firn);
  clients = resources.use(createStartedClients(folder.path));
  const response = await firn.manifest("hello");
  indexDigest = response.headers.get("docker-content-digest") ?? "";
  index = (await response.json()) as Index;
});
afterAll(async () => await resources.disposeAsync());

test.for(clientKinds.map((kind) => [kind.name, kind] as const))(
  "%s takes its own platform out of an index",
  async ([, kind], context) => {
    need(context, "nix-store");
    const client = await clients.start(context, kind);
    const reference = `${firn.host}/hello:latest`;
    const pulled = await client.pull(reference);
    expect(pulled.exitCode, pulled.all).toBe(0);
    const { digests } = await client.inspect(reference);
    const [mine, other] = [true, false].map((isOwn) =>
      index.manifests.find(({ platform }) => (platform.architecture === own) === isOwn),
    );
    expect(
      [indexDigest, mine?.digest].filter((digest) => digests.includes(digest ?? "")),
    ).not.toEqual([]);
    expect(digests).not.toContain(other?.digest);
  },
);
