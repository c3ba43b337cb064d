import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { createCredentials, publicKeysOf, type Credentials } from "./storage-fake-credentials.ts";
import { inJson, inXml, readJson, Refusal } from "./storage-fake-exchange.ts";
import type { FakeAnswer, FakeRequest, Handler, Operation } from "./storage-fake-exchange.ts";
import { Cut, cutAfter, Faults, type Fault } from "./storage-fake-faults.ts";
import { Objects } from "./storage-fake-objects.ts";
import { handlerOf } from "./storage-fake-routes.ts";
import { Uploads } from "./storage-fake-uploads.ts";
import { temporaryFolder } from "./temporary-folder.ts";

export interface StorageFakeOptions {
  /** Where buckets and objects are kept; left out, they go with the fake. */
  readonly folder?: string;
  readonly port?: number;
  /** Whether everybody can read objects by their URLs, without a signature. */
  readonly publicRead?: boolean;
  /** Whose signatures are good; left out, a service account is made up. */
  readonly credentials?: Credentials;
  readonly now?: () => number;
}

/**
 * Cloud Storage over HTTP, as far as firn and its client need it: buckets, uploads of each kind, downloads, metadata,
 * lists, moves and copies with preconditions and checksums, and signed URLs. Faults happen on demand.
 */
export interface StorageFake extends AsyncDisposable {
  /** What a client is given as its `apiEndpoint`. */
  readonly url: string;
  /** A service account whose signed URLs are good. */
  readonly credentials: Credentials;
  readonly faults: Faults;
  /** How many requests there were of each kind. */
  readonly requests: ReadonlyMap<Operation, number>;
  /** Names of objects in a bucket. */
  names(bucket: string, prefix?: string): readonly string[];
  /** Names of resumable uploads that are neither finished nor cancelled. */
  uploading(): readonly string[];
  /** Makes a bucket, if it is not there. */
  createBucket(name: string): void;
}

export async function startStorageFake(options: StorageFakeOptions = {}): Promise<StorageFake> {
  const { credentials = createCredentials(), publicRead = false, now = Date.now } = options;
  await using resources = new AsyncDisposableStack();
  const folder = options.folder ?? resources.use(await temporaryFolder()).path;
  const objects = new Objects(folder, now);
  const uploads = new Uploads(folder, objects);
  const faults = new Faults();
  const requests = new Map<Operation, number>();
  const parts = { objects, uploads, keys: publicKeysOf(credentials), publicRead, now };

  async function answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = message; // A request that was read to its end, or left, has none.
    const method = message.method ?? "";
    const url = new URL(message.url ?? "", `http://${message.headers.host}`);
    const controlled = await control(faults, requests, method, url, message);
    if (controlled !== undefined) return await send(response, method, controlled);
    const request: Mutable<FakeRequest> = {
      method,
      url,
      headers: message.headers,
      body: message,
      loseBytes: 0,
    };
    const handler = handlerOf(parts, request);
    const { operation } = handler;
    requests.set(operation, (requests.get(operation) ?? 0) + 1);
    const fault = faults.take(operation, method, url.pathname);
    // Else the client would be cut off while it still sends.
    if (fault?.kind === "status") message.resume();
    if (fault?.kind === "truncate") request.loseBytes = fault.bytes;
    if (fault?.kind === "slow") await sleep(fault.ms);
    if (fault?.kind === "cut-request") {
      const cut = () => void socket.resetAndDestroy();
      request.body = cutAfter(message, fault.afterBytes, cut);
      // What has no body, or does not read it, is cut all the same.
      if (!operation.startsWith("upload.")) return cut();
    }
    await send(response, method, await answerOf(handler, fault), fault);
  }

  const server = createServer((message, response) => {
    answer(message, response).catch((error: unknown) => {
      response.destroy();
      if (!isEnded(error)) throw error;
    });
  });
  server.listen(options.port ?? 0, "127.0.0.1");
  await once(server, "listening");
  resources.defer(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  });
  const { port } = server.address() as AddressInfo; // it listens on a port, so it is not a pipe
  const running = resources.move();
  return {
    url: `http://127.0.0.1:${port}`,
    credentials,
    faults,
    requests,
    names: (bucket, prefix = "") => objects.list(bucket, prefix).map(({ name }) => name),
    uploading: () => uploads.open,
    createBucket: (name) => {
      if (!objects.hasBucket(name)) objects.createBucket(name);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

// The connection ended early, by a fault or because the client wanted no more.
function isEnded(error: unknown): boolean {
  if (error instanceof Cut) return true;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ECONNRESET" || code === "ERR_STREAM_PREMATURE_CLOSE";
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

async function answerOf(handler: Handler, fault: Fault | undefined): Promise<FakeAnswer> {
  const isUrl = handler.operation.startsWith("url.");
  const refused = (refusal: Refusal) => (isUrl ? inXml(refusal) : inJson(refusal));
  if (fault?.kind === "status") {
    return refused(new Refusal(fault.status, "backendError", "The fake was told to say so."));
  }
  try {
    return await handler.handle();
  } catch (error) {
    if (error instanceof Refusal) return refused(error);
    throw error;
  }
}

/** `POST /faults` adds faults, `DELETE /faults` takes them away, `GET /requests` counts what was asked for. */
async function control(
  faults: Faults,
  requests: ReadonlyMap<Operation, number>,
  method: string,
  url: URL,
  body: AsyncIterable<Uint8Array>,
): Promise<FakeAnswer | undefined> {
  switch (`${method} ${url.pathname}`) {
    case "GET /":
      return { status: 200, body: "Ok\n" };
    case "GET /requests":
      return { status: 200, body: Object.fromEntries(requests) };
    case "POST /faults":
      faults.add(...([await readJson(body)].flat() as Fault[]));
      return { status: 204 };
    case "DELETE /faults":
      faults.clear();
      return { status: 204 };
    default:
      return undefined;
  }
}

async function send(
  response: ServerResponse,
  method: string,
  { status, headers = {}, body }: FakeAnswer,
  fault?: Fault,
): Promise<void> {
  const json = typeof body === "object" && !(Symbol.asyncIterator in body);
  const type = json ? { "content-type": "application/json; charset=UTF-8" } : {};
  const bytes = json ? JSON.stringify(body) : body;
  const parts = typeof bytes === "string" ? [Buffer.from(bytes)] : (bytes ?? []);
  const length = typeof bytes === "string" ? { "content-length": Buffer.byteLength(bytes) } : {};
  const cut = fault?.kind === "cut-response" ? fault.afterBytes : undefined;
  const hangUp = () => void response.socket?.resetAndDestroy();
  if (cut === 0) return hangUp();
  response.writeHead(status, { ...type, ...length, ...headers });
  const whole = Readable.from(method === "HEAD" ? [] : parts, { objectMode: false });
  await pipeline(cut === undefined ? whole : cutAfter(whole, cut, hangUp), response);
}
