import { buildKey } from "../../core/build-key.ts";
import { digestOf } from "../../core/digest.ts";
import { parseImage } from "../../core/image.ts";
import { createListener } from "../../functions/http.ts";
import { listen } from "../../infra/local/listen.ts";
import { failed, options, ready } from "./builds.ts";
import { fixture, startFramework } from "./framework.ts";
import { testRegistry } from "./registry.ts";

/** A blob that the served registry has, of bytes that compress well. */
export const blob = Buffer.from("layer ".repeat(1000));
export const blobDigest = digestOf(blob);

/** The registry that is served: everything can be built but `gti`, and it has one blob. */
export async function servedRegistry() {
  const pin = { packageSet: "starter", revision: "r1" };
  const unknown = buildKey(parseImage("gti", "amd64"), pin, options);
  const registry = await testRegistry({
    build: async (key) =>
      key === unknown
        ? failed({ reason: "packages-unknown", message: 'there is no package "gti"' })
        : ready("git"),
  });
  await registry.blobs.write(
    (async function* () {
      yield blob;
    })(),
    new AbortController().signal,
  );
  return registry;
}

export interface Served extends AsyncDisposable {
  readonly port: number;
}

/** The ways in which it is served, each over a real socket. */
export const servers: Readonly<Record<string, () => Promise<Served>>> = {
  "the embedded server": async () => {
    const registry = await servedRegistry();
    const listener = createListener(registry.registry, () => undefined);
    const server = await listen(listener, "127.0.0.1", 0);
    return {
      port: server.port,
      async [Symbol.asyncDispose]() {
        await server.close();
        await registry[Symbol.asyncDispose]();
      },
    };
  },
  "the function under the functions framework": () =>
    startFramework(fixture("framework", "registry.ts"), "registry"),
};
