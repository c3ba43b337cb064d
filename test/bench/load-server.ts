import { createServer, type ServerResponse } from "node:http";
import { createListener } from "../../functions/http.ts";
import { listen } from "../../infra/local/listen.ts";
import { manifestOf } from "../support/builds.ts";
import { testRegistry } from "../support/registry.ts";
import { warmPath } from "./load-client.ts";

// `node load-server.ts firn|node`: a server in a process of its own, which prints its port.
// With firn everything asked for first is built at once, and nothing after it ends.

async function startFirn(): Promise<number> {
  let builds = 0;
  const registry = await testRegistry({
    holdMs: 280_000,
    build: async (key) => {
      builds += 1;
      if (builds > 1) await new Promise(() => undefined);
      return { state: "ready", manifest: manifestOf(key) };
    },
  });
  await registry.ask(warmPath);
  const { port } = await listen(createListener(registry.registry, console.error), "127.0.0.1", 0);
  return port;
}

async function startBare(): Promise<number> {
  const { bytes, digest, mediaType } = manifestOf("bare");
  const headers = {
    "content-type": mediaType,
    "content-length": bytes.byteLength,
    "docker-content-digest": digest,
  };
  const held = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    if (request.url !== warmPath) return void held.add(response);
    response.writeHead(200, headers);
    response.end(bytes);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return (server.address() as { port: number }).port; // it listens on a port
}

console.log(await (process.argv[2] === "firn" ? startFirn() : startBare()));
