import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, type TestContext } from "vitest";
import { compareBytes } from "../../core/bytewise.ts";
import { clientKinds } from "../support/clients.ts";
import type { Client, ClientKind } from "../support/client.ts";
import { startFirn, type Firn } from "../support/firn.ts";
import { isInstalled, need } from "../support/need.ts";
import { digestsOf, sharedDigests, layersOf } from "../support/pull.ts";
import { startRecordingProxy, type RecordingProxy } from "../support/recording-proxy.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { createStartedClients, type StartedClients } from "./started-clients.ts";

// Each client has an image of its own, which nobody made before it asks: a data folder that is new knows none.
const second = ["jq", "less", "nano", "file", "tree", "gzip", "which"];

// What the user sees of a name that is not known. containerd, and what asks with HEAD, does not read the answer.
const meant = 'there is no package "curll" (did you mean curl?)';
const manifestUnknown = `reading manifest latest in HOST/shell/curll: manifest unknown: ${meant}`;
const seenOfWrongName: Readonly<Record<string, string>> = {
  skopeo: manifestUnknown,
  umoci: manifestUnknown,
  podman: manifestUnknown,
  buildah: manifestUnknown,
  docker: `Error response from daemon: manifest for HOST/shell/curll:latest not found: manifest unknown: ${meant}`,
  containerd:
    'ctr: failed to resolve reference "HOST/shell/curll:latest": HOST/shell/curll:latest: not found',
  oras: "HOST/shell/curll:latest: not found",
};

const resources = new AsyncDisposableStack();
let clients: StartedClients;
let firn: Firn;
let proxy: RecordingProxy;

beforeAll(async () => {
  const folder = resources.use(await temporaryFolder());
  // Without apt there is no starter set, and each test says so.
  if (!isInstalled("apt-get")) return;
  firn = await startFirn({
    packageSet: "starter",
    data: join(folder.path, "data"),
    env: { FIRN_NIX_CONFIG: "" },
  });
  resources.use(firn);
  proxy = resources.use(await startRecordingProxy(firn.port));
  clients = resources.use(createStartedClients(folder.path));
});
afterAll(async () => await resources.disposeAsync());

async function start(context: TestContext, kind: ClientKind): Promise<Client> {
  need(context, "apt-get");
  return await clients.start(context, kind);
}

const imageOf = (i: number) => ["hello", second[i] ?? ""].sort(compareBytes).join("/");

describe.for(clientKinds.map((kind, i) => [kind.name, kind, imageOf(i)] as const))(
  "%s",
  ([, kind, name]) => {
    let pulled: Promise<void> | undefined;
    const reference = () => `${proxy.host}/${name}:latest`;

    async function pull(client: Client, what = reference()): Promise<void> {
      const { exitCode, all } = await client.pull(what);
      expect(exitCode, all).toBe(0);
    }

    /** The client, once it has pulled its image. */
    async function withImage(context: TestContext): Promise<Client> {
      const client = await start(context, kind);
      pulled ??= pull(client);
      await pulled;
      return client;
    }

    test("pulls an image that nobody made before", async (context) => {
      await start(context, kind);
      expect(await firn.build(name)).toBeUndefined();
      const client = await withImage(context);
      await context.annotate(`${kind.name} ${client.version}`);
      expect(await firn.build(name)).toMatchObject({ state: "ready", attempt: 1 });
    });

    test("pulls it again without fetching a layer, or having anything built", async (context) => {
      const client = await withImage(context);
      const [before, lines] = [proxy.exchanges.length, firn.log.length];
      await pull(client);
      const layers = await layersOf(firn, name);
      const asked = proxy.exchanges.slice(before).filter(({ method }) => method === "GET");
      const fetched = asked.filter(({ path }) => layers.some((digest) => path.endsWith(digest)));
      expect(fetched).toEqual([]);
      expect(firn.log.slice(lines).filter(({ message }) => message.includes("building"))).toEqual(
        [],
      );
    });

    test("pulls by digest", async (context) => {
      const client = await start(context, kind);
      for (const digest of await digestsOf(firn, "hello")) {
        const byDigest = `${proxy.host}/hello@${digest}`;
        await pull(client, byDigest);
        expect(await sharedDigests(firn, "hello", await client.inspect(byDigest))).not.toEqual([]);
      }
    });

    test("tells what is in the image", async (context) => {
      const client = await withImage(context);
      const seen = await client.inspect(reference());
      expect(await sharedDigests(firn, name, seen)).not.toEqual([]);
      expect(seen.labels).toMatchObject({
        "firn.package-set": "starter",
        "firn.revision": firn.revision,
        "firn.packages": expect.stringMatching(/(?:^| )hello=2\./) as string,
      });
    });

    test.for(kind.can.filter((what) => what === "tags"))("lists %s", async (_, context) => {
      const client = await start(context, kind);
      expect(await client.tags?.(`${proxy.host}/${name}`)).toContain("latest");
    });

    test.for(kind.can.filter((what) => what === "run"))(
      "can %s a program of the image",
      async (_, context) => {
        const client = await withImage(context);
        const ran = await client.run?.(reference(), "hello");
        expect(ran?.exitCode, ran?.all).toBe(0);
        expect(ran?.stdout.trim()).toBe("Hello, world!");
      },
    );

    test("shows somebody who mistypes a name what it can", async (context) => {
      const client = await start(context, kind);
      const { exitCode, all } = await client.pull(`${proxy.host}/shell/curll:latest`);
      expect(exitCode).not.toBe(0);
      const seen = all.replaceAll("\\", "").replaceAll(proxy.host, "HOST");
      expect(seen).toContain(seenOfWrongName[kind.name]);
    });
  },
);
