import { afterAll, beforeAll, expect, test } from "vitest";
import { clientKinds } from "../support/clients.ts";
import { startFirn, type Firn } from "../support/firn.ts";
import { writeUnbuiltPackageSet } from "../support/package-set.ts";
import { startPushRegistry, type PushRegistry } from "../support/push-registry.ts";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";
import { createStartedClients, type StartedClients } from "./started-clients.ts";

let folder: TemporaryFolder;
let clients: StartedClients;
let firn: Firn;
let registry: PushRegistry;

beforeAll(async () => {
  folder = await temporaryFolder();
  clients = createStartedClients(folder.path);
  firn = await startFirn({ packageSet: await writeUnbuiltPackageSet(folder.path) });
  registry = await startPushRegistry();
});
afterAll(async () => {
  await clients[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await firn[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

interface Described {
  readonly config: { readonly digest: string };
  readonly layers: readonly unknown[];
}

test.for(clientKinds.filter(({ can }) => can.includes("push")))(
  "what $name pulled here and pushed to the registry of the tests, it pulls from there again",
  async (kind, context) => {
    const client = await clients.start(context, kind);
    const pulled = await client.pull(`${firn.host}/hello:latest`);
    expect(pulled.exitCode, pulled.all).toBe(0);
    const to = `${registry.host}/myorg/${kind.name}:v1`;
    const pushed = await client.push?.(`${firn.host}/hello:latest`, to);
    expect(pushed?.exitCode, pushed?.all).toBe(0);
    const again = await client.pull(to);
    expect(again.exitCode, again.all).toBe(0);

    const answer = await fetch(`http://${registry.host}/v2/myorg/${kind.name}/manifests/v1`);
    expect(answer.status).toBe(200);
    const stored = (await answer.json()) as Described;
    const digest = answer.headers.get("docker-content-digest");
    expect((await client.inspect(to)).digests).toContain(digest);
    // Engines write a manifest of their own, and may compress layers anew: what is run is the configuration.
    const original = (await (await firn.manifest("hello", "latest")).json()) as Described;
    expect(stored.config.digest).toBe(original.config.digest);
    expect(stored.layers).toHaveLength(original.layers.length);
  },
);
