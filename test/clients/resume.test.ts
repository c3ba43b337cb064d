import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, type TestContext } from "vitest";
import { clientKinds, clientRoot } from "../support/clients.ts";
import type { ClientKind } from "../support/client.ts";
import { startFirn, type Firn } from "../support/firn.ts";
import { isInstalled } from "../support/need.ts";
import { writeUnbuiltPackageSet } from "../support/package-set.ts";
import { sharedDigests } from "../support/pull.ts";
import { startRecordingProxy } from "../support/recording-proxy.ts";
import { openSpace } from "../support/space.ts";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";
import { createStartedClients, type StartedClients } from "./started-clients.ts";

// The layer has 4 MB that cannot be compressed.
const image = "sizable";
const cutAfterBytes = 1_500_000;

// First versions that ask for the rest of a layer. With umoci it is skopeo who pulls, and oras never does.
const firstToResume: Readonly<Record<string, readonly [number, number]>> = {
  docker: [0, 0],
  containerd: [0, 0],
  skopeo: [1, 11],
  podman: [4, 4],
  buildah: [1, 29],
  oras: [Infinity, 0],
};

/** Told before the tests begin, since their names say it; a client that is not there is skipped later. */
async function resumes({ name }: ClientKind): Promise<boolean> {
  const [major, minor] = firstToResume[name] ?? [Infinity, 0];
  if (major === 0 || major === Infinity) return major === 0;
  if (process.getuid?.() !== 0 || !isInstalled(name, clientRoot)) return true;
  await using scratch = await temporaryFolder();
  await using space = await openSpace(join(scratch.path, name), clientRoot);
  const { stdout } = await space.run(name, ["--version"]);
  const [, ownMajor = 0, ownMinor = 0] = /(\d+)\.(\d+)/.exec(stdout)?.map(Number) ?? [];
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

const judged = await Promise.all(
  clientKinds
    .filter(({ name }) => name in firstToResume)
    .map(async (kind) => ({ name: kind.name, kind, resumes: await resumes(kind) })),
);

let folder: TemporaryFolder;
let clients: StartedClients;
let firn: Firn;

beforeAll(async () => {
  folder = await temporaryFolder();
  clients = createStartedClients(folder.path);
  firn = await startFirn({ packageSet: await writeUnbuiltPackageSet(folder.path) });
});
afterAll(async () => {
  await clients[Symbol.asyncDispose]();
  await firn[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** Pulls while the first transfer of the layer is cut; what was asked of it, too. */
async function pullCut(context: TestContext, kind: ClientKind) {
  const client = await clients.start(context, kind);
  const proxy = await startRecordingProxy(firn.port, { cutAfterBytes });
  const reference = `${proxy.host}/${image}:latest`;
  const ended = await client.pull(reference);
  const cut = proxy.exchanges.find((exchange) => exchange.cut);
  const transfers = () => proxy.exchanges.filter(({ path }) => path === cut?.path);
  expect(transfers()[0]).toMatchObject({ method: "GET", status: 200, cut: true });
  return { client, reference, ended, transfers, [Symbol.asyncDispose]: proxy[Symbol.asyncDispose] };
}

describe("of a layer that was cut in the middle", () => {
  test.for(judged.filter((each) => each.resumes))(
    "$name fetches the rest, and the pull succeeds",
    async ({ kind }, context) => {
      await using pulled = await pullCut(context, kind);
      const { client, reference, ended, transfers } = pulled;
      expect(ended.exitCode, ended.all).toBe(0);
      const [, rest] = transfers();
      expect(rest).toMatchObject({
        method: "GET",
        range: `bytes=${cutAfterBytes}-`,
        status: 206,
        contentRange: expect.stringMatching(/^bytes 1500000-(\d+)\//) as string,
      });
      expect(transfers()).toHaveLength(2);
      expect(await sharedDigests(firn, image, await client.inspect(reference))).not.toEqual([]);
    },
  );

  test.for(judged.filter((each) => !each.resumes))(
    "$name of this version fetches nothing more and fails; the same pull again succeeds",
    async ({ kind }, context) => {
      await using pulled = await pullCut(context, kind);
      const { client, reference, ended, transfers } = pulled;
      expect(ended.exitCode).not.toBe(0);
      expect(ended.all).toMatch(/unexpected EOF/);
      expect(transfers()).toHaveLength(1);
      const again = await client.pull(reference);
      expect(again.exitCode, again.all).toBe(0);
      expect(transfers()[1]).toMatchObject({ range: undefined, status: 200 });
    },
  );
});
