import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { RegistryError } from "../../core/errors.ts";
import { createLocalBlobStore } from "../../core/local/blob-store.ts";
import { createLocalBuildCache } from "../../core/local/build-cache.ts";
import { openDatabase } from "../../core/local/database.ts";
import { createLocalPins } from "../../core/local/pins.ts";
import { createLocalReferrers } from "../../core/local/referrers.ts";
import { messageOf } from "../../core/log.ts";
import type { RegistryResponse } from "../../functions/exchange.ts";
import { listen } from "../../infra/local/listen.ts";
import { listTags } from "./push-discovery.ts";
import { jsonAnswer, PushError, type PushRequest } from "./push-exchange.ts";
import { drop, putManifest } from "./push-manifests.ts";
import { createPushRepository, type PushRepository } from "./push-repository.ts";
import { createUploads } from "./push-uploads.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** The product's handlers for reading, beside some that write: for programs that have to push before they can pull. */
export interface PushRegistry extends AsyncDisposable {
  readonly port: number;
  /** `localhost:8080`, as it stands before the name of an image. */
  readonly host: string;
}

const pathPattern =
  /^\/v2\/(?<name>.+?)\/(?:(?<what>manifests|referrers|tags)\/(?<reference>[^/]+)|blobs\/(?:uploads(?:\/(?<upload>[^/]*))?|(?<blob>[^/]+)))$/;

/** Starts it with nothing in it; what is pushed is gone when it is disposed of. */
export async function startPushRegistry(
  port = 0,
  write: (severity: string, message: string) => void = () => undefined,
): Promise<PushRegistry> {
  const folder = await temporaryFolder();
  const database = openDatabase(folder.path);
  const blobs = createLocalBlobStore(folder.path);
  const uploads = await createUploads(join(folder.path, "uploads"), blobs);
  const referrers = createLocalReferrers(database);
  const stores = {
    cache: createLocalBuildCache(database, Date.now),
    pins: createLocalPins(database),
    blobs,
    referrers,
    log: write,
  };
  const repositories = new Map<string, PushRepository>();

  function repositoryToWrite(name: string): PushRepository {
    const known = repositories.get(name) ?? createPushRepository(name, stores);
    repositories.set(name, known);
    return known;
  }

  async function answerTo(request: PushRequest): Promise<RegistryResponse> {
    const { method, path, query } = request;
    const { name, what, reference, upload, blob } =
      pathPattern.exec(decodeURIComponent(path))?.groups ?? {};
    const isRead = method === "GET" || method === "HEAD";
    if (name === undefined)
      return await createPushRepository("none", stores).registry.answer(request);
    const isUpload = what === undefined && blob === undefined;
    if (isUpload && method === "POST") {
      return await uploads.begin(repositoryToWrite(name), request, (from) =>
        repositories.get(from),
      );
    }
    if (isUpload) return await uploads.go(repositoryToWrite(name), upload ?? "", request);
    if (what === "manifests" && method === "PUT") {
      return await putManifest(repositoryToWrite(name), reference ?? "", request, referrers);
    }
    if (what === "tags" && isRead && !repositories.has(name)) {
      throw new PushError(404, "NAME_UNKNOWN", `nothing was pushed to ${name}`);
    }
    // Reading leaves nothing behind: a name that nobody pushed to has nothing either way.
    const repository = repositories.get(name) ?? createPushRepository(name, stores);
    if (what === "tags" && isRead) return listTags(repository, query);
    if (method === "DELETE" && what === "manifests")
      return await drop(repository, what, reference ?? "");
    if (method === "DELETE" && blob !== undefined) return await drop(repository, "blobs", blob);
    return await repository.registry.answer(request);
  }

  const server = await listen(createPushListener(answerTo, write), "127.0.0.1", port);
  return {
    port: server.port,
    host: `localhost:${server.port}`,
    async [Symbol.asyncDispose]() {
      await server.close();
      database[Symbol.dispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function createPushListener(
  answerTo: (request: PushRequest) => Promise<RegistryResponse>,
  write: (severity: string, message: string) => void,
) {
  async function answerOrTell(request: PushRequest): Promise<RegistryResponse> {
    try {
      return await answerTo(request);
    } catch (error) {
      if (!(error instanceof PushError || error instanceof RegistryError)) throw error;
      const { status, code, message } = error;
      return jsonAnswer(status, { errors: [{ code, message }] }, error.headers);
    }
  }

  async function exchange(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const response = await answerOrTell(requestOf(incoming, outgoing));
    write("INFO", `${incoming.method} ${incoming.url} ${response.status}`);
    await send(response, incoming, outgoing);
  }

  return (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    exchange(incoming, outgoing).catch((error: unknown) => {
      write("ERROR", `${incoming.method} ${incoming.url} broke off: ${messageOf(error)}`);
      outgoing.destroy();
    });
  };
}

function requestOf(incoming: IncomingMessage, outgoing: ServerResponse): PushRequest {
  const gone = new AbortController();
  outgoing.on("close", () => gone.abort());
  const { method = "GET", url = "/" } = incoming;
  const [path = "/", query = ""] = url.split("?");
  const headers = Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]);
  return {
    method,
    path,
    query: new URLSearchParams(query),
    headers: Object.fromEntries(headers) as Record<string, string>, // the pairs just made
    signal: gone.signal,
    body: incoming as AsyncIterable<Uint8Array>, // no encoding was set
  };
}

async function send(
  { status, headers, body }: RegistryResponse,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  // A body that nobody read would be taken for the next request.
  incoming.resume();
  outgoing.writeHead(status, headers);
  if (body === undefined || incoming.method === "HEAD") outgoing.end();
  else if (body instanceof Uint8Array) outgoing.end(body);
  else await pipeline(body, outgoing);
}
