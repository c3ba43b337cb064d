import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Terminal } from "../../infra/google/program.ts";
import { emulatorHosts } from "./emulators.ts";
import { startGcloud, type Gcloud } from "./gcloud.ts";
import { startGoogleStub, type GoogleStub } from "./google-stub.ts";

/** A project of Google Cloud with nothing in it, and an operator with gcloud before it. */
export interface FreshProject extends AsyncDisposable {
  readonly project: string;
  readonly stub: GoogleStub;
  readonly said: string[];
  /** What commands are given; `gcloud` may be replaced by another one. */
  terminal(gcloud?: Gcloud): Terminal;
  /** How often the first image was asked for, and whether it can be had. */
  readonly registry: { pulls: number; ready: boolean };
}

let projects = 0;

export async function freshCloud(gcloud: (port: number) => Promise<Gcloud>): Promise<FreshProject> {
  await using resources = new AsyncDisposableStack();
  // The emulator is everybody's, and has a project of any name.
  const project = `firn-${process.pid}-${(projects += 1)}`;
  const registry = { pulls: 0, ready: true };
  const server = createServer((request, response) => {
    if (request.url?.startsWith("/v2/hello/") === true) registry.pulls += 1;
    response.writeHead(registry.ready ? 200 : 503).end("{}");
    registry.ready = true;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  resources.defer(() => void server.close());
  const { port } = server.address() as AddressInfo; // it listens on a port, so it is not a pipe
  const stub = resources.use(
    await startGoogleStub({
      project,
      number: "1234567890",
      pubsub: emulatorHosts().pubsub,
      urlOf: () => `http://127.0.0.1:${port}`,
    }),
  );
  const usual = resources.use(await gcloud(stub.port));
  const said: string[] = [];
  const all = resources.move();
  return {
    project,
    stub,
    said,
    registry,
    terminal: ({ environment } = usual) => ({
      say: (line) => void said.push(line),
      ask: async () => "no",
      environment,
      signal: new AbortController().signal,
      bundle: smallBundle,
    }),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

export { startGcloud };

/** What gcloud takes for the source of a function. */
async function smallBundle(folder: string): Promise<void> {
  await writeFile(join(folder, "index.js"), "export const registry = () => undefined;\n");
  await writeFile(join(folder, "package.json"), '{"type":"module","main":"index.js"}\n');
}
