import { connect } from "node:net";

/** An answer as it came over the wire, nothing decoded. */
export interface RawAnswer {
  readonly status: number;
  /** Names as they were sent, in their order. */
  readonly headerNames: readonly string[];
  /** By names in lower case; of several with one name, all. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** All bytes behind the head until the server ended the connection. */
  readonly body: Buffer;
}

/** Sends these bytes, and gives what comes back until the server ends the connection; the request has to ask for that. */
export async function exchange(port: number, bytes: string | Uint8Array): Promise<RawAnswer> {
  const socket = connect(port, "127.0.0.1");
  socket.setTimeout(10_000, () => socket.destroy(new Error("nothing came for ten seconds")));
  socket.write(bytes);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return parse(Buffer.concat(chunks));
}

/** Sends one request with these header lines besides the host. */
export async function rawRequest(
  port: number,
  method: string,
  path: string,
  headers: readonly string[] = [],
): Promise<RawAnswer> {
  const lines = [`${method} ${path} HTTP/1.1`, "host: localhost", "connection: close", ...headers];
  return await exchange(port, `${lines.join("\r\n")}\r\n\r\n`);
}

function parse(bytes: Buffer): RawAnswer {
  const end = bytes.indexOf("\r\n\r\n");
  if (end === -1) throw new Error(`this is no answer: "${bytes.toString("latin1")}"`);
  const [first = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const [, status = ""] = /^HTTP\/1\.1 (\d{3}) /.exec(first) ?? [];
  const headers: Record<string, string[]> = {};
  const headerNames: string[] = [];
  for (const line of lines) {
    const at = line.indexOf(":");
    const name = line.slice(0, at);
    headerNames.push(name);
    (headers[name.toLowerCase()] ??= []).push(line.slice(at + 1).trim());
  }
  return { status: Number(status), headerNames, headers, body: bytes.subarray(end + 4) };
}
