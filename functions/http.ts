import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { messageOf, type Log } from "../core/log.ts";
import type { RegistryRequest, RegistryResponse } from "./exchange.ts";
import type { Registry } from "./registry.ts";

/** The registry as a listener of `node:http`; the same under any server that hands on Node's own objects. */
export function createListener(registry: Registry, log: Log) {
  return (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const { headers } = incoming;
    const { accept, "if-none-match": condition } = headers;
    const caller = () => ({
      headers: callerHeaders(headers),
      // Asked of the kernel, each time: only for whoever wants to know.
      get peer() {
        return incoming.socket.remoteAddress;
      },
    });
    const warm = registry.warm(incoming.method, incoming.url, accept, caller);
    if (warm !== undefined && condition === undefined) {
      outgoing.writeHead(warm.status, warm.headers);
      outgoing.end(incoming.method === "HEAD" ? undefined : warm.body);
      return;
    }
    const gone = new AbortController();
    outgoing.on("close", () => {
      // Of an answered request nobody is gone; and an abort makes an error, with its stack, for each of a thousand pulls.
      if (!outgoing.writableFinished) gone.abort();
    });
    registry
      .answer(requestOf(incoming, gone.signal))
      .then((response) => send(response, incoming, outgoing))
      .catch((error: unknown) => {
        // The head is out, so all that is left is to end the connection: the client sees a short body and asks again.
        if (!gone.signal.aborted) log("ERROR", `${incoming.url} broke off: ${messageOf(error)}`);
        outgoing.destroy();
      });
  };
}

function requestOf(incoming: IncomingMessage, signal: AbortSignal): RegistryRequest {
  // A proxy is asked with the whole URL, and so may we be.
  const url = (incoming.url ?? "/").replace(/^https?:\/\/[^/]*/i, "");
  const mark = url.indexOf("?");
  const headers = incoming.headers;
  return {
    method: incoming.method ?? "GET",
    path: mark === -1 ? url : url.slice(0, mark),
    query: new URLSearchParams(mark === -1 ? "" : url.slice(mark + 1)),
    headers: {
      host: headers.host,
      accept: headers.accept,
      range: headers.range,
      "if-range": headers["if-range"]?.toString(),
      "user-agent": headers["user-agent"],
      "if-none-match": headers["if-none-match"],
      "content-type": headers["content-type"],
      "x-forwarded-proto": headers["x-forwarded-proto"]?.toString(),
      ...callerHeaders(headers),
    },
    trace: {
      traceparent: headers["traceparent"]?.toString(),
      cloud: headers["x-cloud-trace-context"]?.toString(),
    },
    // Both cost something, and most requests are answered without.
    get peer() {
      return incoming.socket.remoteAddress;
    },
    // Whoever stops reading it still wants to answer on this connection.
    get body() {
      return incoming.iterator({ destroyOnReturn: false });
    },
    signal,
  };
}

/** What says who asks, and from where. */
function callerHeaders(headers: IncomingMessage["headers"]) {
  return {
    authorization: headers.authorization,
    // Several of them are one list [RFC 9110, 5.3].
    "x-forwarded-for": headers["x-forwarded-for"]?.toString(),
  };
}

async function send(
  response: RegistryResponse,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  outgoing.writeHead(response.status, response.headers);
  const { body } = response;
  if (body === undefined || incoming.method === "HEAD") outgoing.end();
  else if (body instanceof Uint8Array) outgoing.end(body);
  else if (!outgoing.destroyed) await pipeline(body, outgoing);
}
