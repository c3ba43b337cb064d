import { once } from "node:events";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A request as a client made it, and what became of it. */
export interface Exchange {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly agent: string;
  readonly range: string | undefined;
  readonly status: number;
  readonly contentRange: string | undefined;
  /** Whether the connection was cut in the middle of the answer. */
  readonly cut: boolean;
}

/** Stands between clients and a registry, changes nothing, and writes down what they say to each other. */
export interface RecordingProxy extends AsyncDisposable {
  /** `localhost:8080`, as it stands before the name of an image. */
  readonly host: string;
  /** In the order in which they were answered. */
  readonly exchanges: readonly Exchange[];
}

export interface ProxyOptions {
  /**
   * The first transfer of each blob that is longer than this is cut after so many bytes of it: the TCP connection is
   * closed, whatever was promised.
   */
  readonly cutAfterBytes?: number;
}

/** Starts one in front of `localhost:<port>`. */
export async function startRecordingProxy(
  port: number,
  options: ProxyOptions = {},
): Promise<RecordingProxy> {
  const exchanges: Exchange[] = [];
  const wasCut = new Set<string>();

  function limitOf(incoming: IncomingMessage, answer: IncomingMessage): number {
    const path = incoming.url ?? "";
    const { cutAfterBytes } = options;
    const isLong = Number(answer.headers["content-length"]) > (cutAfterBytes ?? Infinity);
    if (cutAfterBytes === undefined || incoming.method !== "GET" || !isLong) return Infinity;
    if (!path.includes("/blobs/") || wasCut.has(path)) return Infinity;
    wasCut.add(path);
    return cutAfterBytes;
  }

  const server = createServer((incoming, outgoing) => {
    const { method = "GET", url: path = "/", headers } = incoming;
    const onward = request({ host: "127.0.0.1", port, method, path, headers }, (answer) => {
      const limit = limitOf(incoming, answer);
      exchanges.push({
        method,
        path,
        agent: headers["user-agent"] ?? "",
        range: headers.range,
        status: answer.statusCode ?? 0,
        contentRange: answer.headers["content-range"],
        cut: limit < Infinity,
      });
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      if (limit === Infinity) answer.pipe(outgoing);
      else void cut(answer, outgoing, limit);
    });
    // Whichever side goes away takes the other with it.
    outgoing.on("close", () => onward.destroy());
    onward.on("error", () => outgoing.destroy());
    incoming.pipe(onward);
  });
  server.requestTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: own } = server.address() as AddressInfo; // it listens on a port
  return {
    host: `localhost:${own}`,
    exchanges,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Passes on the first bytes of an answer, and then closes the connection. */
async function cut(
  answer: IncomingMessage,
  outgoing: ServerResponse,
  limit: number,
): Promise<void> {
  let left = limit;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    const part = chunk.subarray(0, left);
    left -= part.byteLength;
    await new Promise<void>((sent) => {
      outgoing.write(part, () => sent());
    });
    if (left === 0) break;
  }
  outgoing.destroy();
}
