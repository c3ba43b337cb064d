import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clientKinds } from "../support/clients.ts";
import { startFirn, type Firn } from "../support/firn.ts";
import { writeUnbuiltPackageSet } from "../support/package-set.ts";
import { sharedDigests } from "../support/pull.ts";
import { startRecordingProxy, type RecordingProxy } from "../support/recording-proxy.ts";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";
import { createStartedClients, type StartedClients } from "./started-clients.ts";

// Seconds that a build takes. All wait at the same time, each for an image of its own.
const isLong = process.env["TEST_CLIENT_LONG"] === "true";
const seconds = isLong ? [40, 180, 1200] : [40, 180];
const cases = clientKinds.flatMap((kind) =>
  seconds.map((each) => [kind.name, each, kind] as const),
);

let folder: TemporaryFolder;
let clients: StartedClients;
let firn: Firn;
let proxy: RecordingProxy;

beforeAll(async () => {
  folder = await temporaryFolder();
  clients = createStartedClients(folder.path);
  const packages = cases.map(([name, each]) => {
    const pname = nameOf(name, each);
    return `${pname} = make { pname = "${pname}"; script = "sleep ${each}"; };`;
  });
  firn = await startFirn({
    packageSet: await writeUnbuiltPackageSet(folder.path, packages.join("\n")),
    env: { FIRN_BUILDS: String(cases.length) },
  });
  proxy = await startRecordingProxy(firn.port);
});
afterAll(async () => {
  await clients[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await firn[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

function nameOf(client: string, each: number): string {
  return `slow-${client}-${each}`;
}

/** The hops of each chain of redirects that a client followed, in order. */
function chainsOf(name: string): readonly (readonly number[])[] {
  const chains: number[][] = [];
  for (const { path } of proxy.exchanges) {
    const [route = "", query] = path.split("?");
    if (route !== `/v2/${name}/manifests/latest`) continue;
    const hop = Number(new URLSearchParams(query).get("wait") ?? 0);
    if (hop === 0) chains.push([0]);
    else chains.at(-1)?.push(hop);
  }
  return chains;
}

describe.concurrent.for(cases)(
  "%s pulls through a build of %i seconds",
  { timeout: (Math.max(...seconds) + 300) * 1000 },
  ([client, each, kind]) => {
    test("in at most nine hops a chain, and it is built once", async (context) => {
      const name = nameOf(client, each);
      const started = await clients.start(context, kind);
      const reference = `${proxy.host}/${name}:latest`;
      const { exitCode, all } = await started.pull(reference);
      expect(exitCode, all).toBe(0);
      expect(await sharedDigests(firn, name, await started.inspect(reference))).not.toEqual([]);

      const chains = chainsOf(name);
      expect(chains.length).toBeGreaterThan(0);
      for (const chain of chains) {
        expect(chain.length).toBeLessThanOrEqual(10);
        expect(chain).toEqual(chain.map((_, hop) => hop));
      }
      // Newer versions of it give up when no answer comes within 30 seconds: it is sent round in time.
      const fewest = client === "containerd" ? 1 : 0;
      expect(Math.max(...chains.flat())).toBeGreaterThanOrEqual(fewest);

      // The line goes on with who asked.
      const begins = `building amd64/${name} `;
      expect(firn.log.filter(({ message }) => message.startsWith(begins))).toHaveLength(1);
      expect(await firn.build(name)).toMatchObject({ state: "ready", attempt: 1 });
    });
  },
);
