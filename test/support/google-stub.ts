import { once } from "node:events";
import {
  createServer,
  request as forward,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { computeRoutes } from "./google-stub-compute.ts";
import { controlRoutes } from "./google-stub-control.ts";
import { dataRoutes } from "./google-stub-data.ts";
import { imageRoutes } from "./google-stub-images.ts";
import { secretRoutes } from "./google-stub-secrets.ts";
import { watchRoutes } from "./google-stub-watch.ts";
import {
  Refused,
  type Answer,
  type Asked,
  type Route,
  type StubState,
} from "./google-stub-state.ts";

/** A request as gcloud made it. */
export interface Recorded {
  /** Such as `iam`: the API that was spoken to. */
  readonly api: string;
  readonly method: string;
  /** With the query, but for what says only how to answer. */
  readonly path: string;
  readonly body: unknown;
  readonly changes: boolean;
  readonly refused: boolean;
  /** As it was asked for, to ask again. */
  readonly url: string;
}

export interface GoogleStub extends AsyncDisposable {
  readonly port: number;
  readonly requests: readonly Recorded[];
  /** What there is, by API and path: for tests that look, or meddle. */
  readonly state: StubState;
  /** Decides of each request that changes something whether it is refused; gives the message. */
  refuse(decide: ((request: Recorded) => string | undefined) | undefined): void;
}

export interface GoogleStubOptions {
  readonly project: string;
  readonly number: string;
  /** `host:port` of the emulator, which answers what is asked of Pub/Sub but for access, which it does not know. */
  readonly pubsub: string;
  /** Where functions and services are said to be, by their names. */
  readonly urlOf: (name: string) => string;
}

const routes: readonly Route[] = [
  ...controlRoutes,
  ...dataRoutes,
  ...computeRoutes,
  ...imageRoutes,
  ...secretRoutes,
  ...watchRoutes,
];
// POSTs that only ask.
const questions =
  /:(?:getIamPolicy|testIamPermissions|generateUploadUrl|queryTestablePermissions)$/;

/**
 * The APIs of Google Cloud that the deployment speaks to, as far as it speaks to them, as an HTTP proxy: gcloud asks
 * it for `http://<api>.localhost/...`. It keeps what it was told, knows what must be there before what, and records
 * every request. Operations are over when they are begun.
 */
export async function startGoogleStub(options: GoogleStubOptions): Promise<GoogleStub> {
  const state: StubState = {
    ...options,
    resources: new Map(),
    policies: new Map(),
    enabled: new Set(),
  };
  const requests: Recorded[] = [];
  let refuse: ((request: Recorded) => string | undefined) | undefined;

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const whole = incoming.url ?? "/";
    const url = new URL(whole, "http://none.localhost");
    const api = url.hostname.replace(/\.localhost$/, "").replace(/^.*-(?=run$)/, "");
    const bytes = await bodyOf(incoming);
    for (const name of ["alt", "prettyPrint", "$alt"]) url.searchParams.delete(name);
    const method = incoming.method ?? "GET";
    const path = decodeURIComponent(url.pathname);
    const changes = method !== "GET" && !questions.test(path);
    const query = decodeURIComponent(url.search);
    const asking = { api, method, path: `${path}${query}`, body: parsed(bytes), changes };
    const heard = { ...asking, refused: false, url: whole };
    const refusal = changes ? refuse?.(heard) : undefined;
    const recorded = { ...heard, refused: refusal !== undefined };
    requests.push(recorded);
    if (refusal !== undefined)
      return send(outgoing, refusedWith(403, "PERMISSION_DENIED", refusal));
    const asked: Asked = { api, method, path, query: url.searchParams, body: recorded.body, bytes };
    try {
      const found = routes
        .filter((route) => route.api === api && route.method === method)
        .map((route) => ({ route, match: route.path.exec(path) }))
        .find(({ match }) => match !== null);
      // What the emulator forgets has no policy any more.
      if (api === "pubsub" && method === "DELETE") {
        state.policies.delete(`pubsub ${path.replace(/^\/v1\//, "")}`);
      }
      if (found === undefined && api === "pubsub")
        return pass(options.pubsub, incoming, url, bytes, outgoing);
      if (found === undefined) {
        return send(
          outgoing,
          refusedWith(400, "INVALID_ARGUMENT", `the stub knows no ${method} ${api} ${path}`),
        );
      }
      const parts = found.match?.slice(1).map((part) => part ?? "") ?? [];
      send(outgoing, await found.route.answer({ asked, parts, state }));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      send(outgoing, refusedWith(error.code, error.status, error.message));
    }
  }

  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing).catch((error: unknown) => {
      send(outgoing, refusedWith(500, "INTERNAL", String(error)));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port, // it listens on a port, so it is not a pipe
    requests,
    state,
    refuse: (decide) => (refuse = decide),
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer); // no encoding was set
  return Buffer.concat(chunks);
}

function parsed(bytes: Buffer): unknown {
  try {
    return bytes.length === 0 ? undefined : JSON.parse(bytes.toString("utf8"));
  } catch {
    return { bytes: bytes.length }; // an upload
  }
}

function refusedWith(code: number, status: string, message: string): Answer {
  return { code, body: { error: { code, status, message } } };
}

function send(outgoing: ServerResponse, { code = 200, body, headers = {} }: Answer): void {
  outgoing.writeHead(code, { "content-type": "application/json", ...headers });
  outgoing.end(JSON.stringify(body ?? {}));
}

function pass(
  host: string,
  incoming: IncomingMessage,
  url: URL,
  bytes: Buffer,
  outgoing: ServerResponse,
): void {
  const [hostname = "", port = ""] = host.split(":");
  const headers = { "content-type": "application/json", "content-length": bytes.length };
  const path = `${url.pathname}${url.search}`;
  const onward = forward({ hostname, port, path, method: incoming.method, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 500, { "content-type": "application/json" });
    answer.pipe(outgoing);
  });
  onward.on("error", (error) => send(outgoing, refusedWith(503, "UNAVAILABLE", error.message)));
  onward.end(bytes);
}
