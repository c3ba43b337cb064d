import { once } from "node:events";
import { createServer as createHttpServer, request, type IncomingHttpHeaders } from "node:http";
import { connect, createServer as createHttp2Server, type OutgoingHttpHeaders } from "node:http2";
import {
  connect as dial,
  createServer,
  type AddressInfo,
  type Server,
  type Socket,
} from "node:net";
import { pipeline } from "node:stream/promises";

/** Stands between programs and the emulator of Firestore, changes nothing, and counts what they ask. */
export interface FirestoreProxy extends AsyncDisposable {
  /** `host:port`, as FIRESTORE_EMULATOR_HOST. */
  readonly host: string;
  /** How often each method was called so far, such as `Commit`; `PATCH` and `GET` are those of REST. */
  readonly calls: ReadonlyMap<string, number>;
}

const preface = "PRI * HTTP/2.0";

/** The emulator speaks gRPC and REST on one port, and so does this: the first bytes of a connection tell which. */
export async function startFirestoreProxy(emulator: string): Promise<FirestoreProxy> {
  const calls = new Map<string, number>();
  const count = (call: string) => calls.set(call, (calls.get(call) ?? 0) + 1);
  const session = connect(`http://${emulator}`);
  const rest = createHttpServer((incoming, outgoing) => {
    count(incoming.method ?? "");
    const { method, url: path, headers } = incoming;
    const [host, port] = emulator.split(":");
    const asked = request({ host, port, method, path, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      pipeline(answer, outgoing).catch(() => outgoing.destroy());
    });
    pipeline(incoming, asked).catch(() => outgoing.destroy());
  });
  const grpc = createHttp2Server();
  grpc.on("stream", (stream, headers) => {
    count(String(headers[":path"]).split("/").at(-1) ?? "");
    const asked = session.request(endToEnd(headers));
    asked.on("response", (answer) => stream.respond(endToEnd(answer), { waitForTrailers: true }));
    let trailers: OutgoingHttpHeaders = {};
    asked.on("trailers", (those) => (trailers = endToEnd(those)));
    stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    // Either end may hang up: so does the other one.
    for (const [one, other] of [
      [stream, asked],
      [asked, stream],
    ] as const) {
      one.on("error", () => other.close());
      one.on("aborted", () => other.close());
    }
    stream.pipe(asked);
    asked.pipe(stream);
  });
  const [restPort, grpcPort] = [await listening(rest), await listening(grpc)];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    socket.once("data", (bytes: Buffer) => {
      const isGrpc = bytes.toString("latin1").startsWith(preface);
      const inside = dial(isGrpc ? grpcPort : restPort, "127.0.0.1");
      inside.on("error", () => undefined).on("close", () => socket.destroy());
      socket.on("close", () => inside.destroy());
      inside.write(bytes);
      socket.pipe(inside).pipe(socket);
    });
  });
  const port = await listening(server);
  return {
    host: `127.0.0.1:${port}`,
    calls,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      session.destroy();
      const all = [server, rest, grpc];
      const closed = all.map((each) => once(each, "close"));
      for (const each of all) each.close();
      await Promise.all(closed);
    },
  };
}

async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // it listens on a port
  return port;
}

/** Headers without those that HTTP/2 has for each connection. */
function endToEnd(headers: IncomingHttpHeaders | OutgoingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => name !== ":authority" && name !== "http2-settings"),
  );
}
