import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import { BlockList, connect, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { pipeline, type Duplex } from "node:stream";
import { messageOf, type Log } from "../core/log.ts";

export interface WayOutTools {
  /** File name of the Unix socket that it listens on. */
  readonly socket: string;
  /** `host:port` of what may be reached wherever it is, such as a binary cache on this machine. */
  readonly exempt: ReadonlySet<string>;
  readonly log: Log;
}

/**
 * The only way from a confined program to the network: an HTTP proxy that leads anywhere but to metadata servers, which
 * give whoever asks the credentials of the machine, and to the machine itself. What counts is the address that a name
 * turns out to have [RFC 9110 section 9.3.6 for CONNECT].
 */
export async function openWayOut({ socket, exempt, log }: WayOutTools): Promise<AsyncDisposable> {
  const closed = closedAddresses();
  const told = new Set<string>();

  const placeOf = (host: string, port: string) => ({
    host: host.replace(/^\[|\]$/g, ""),
    port: Number(port),
    ...(exempt.has(`${host}:${port}`) ? {} : { blockList: closed }),
  });

  /** What a client is told of what cannot be reached. */
  function refusal(error: Error, target: string): { status: number; text: string } {
    if (!("code" in error && error.code === "ERR_IP_BLOCKED")) {
      return { status: 502, text: messageOf(error) };
    }
    const text = `${target} is out of bounds for what is built here`;
    if (told.size < 100 && !told.has(target)) log("WARNING", `a package reached for ${target}`);
    told.add(target);
    return { status: 403, text };
  }

  function forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const url = URL.parse(incoming.url ?? "");
    if (url?.protocol !== "http:") {
      outgoing.writeHead(400).end("this is a proxy: it wants a whole http:// URL\n");
      return;
    }
    const { "proxy-connection": _, ...headers } = incoming.headers;
    const { method, url: path } = { method: incoming.method, url: `${url.pathname}${url.search}` };
    const place = placeOf(url.hostname, url.port || "80");
    const further = request({ ...place, method, path, headers, agent: false }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      pipeline(answer, outgoing, ignored);
    });
    further.on("error", (error) => {
      const { status, text } = refusal(error, url.host);
      if (outgoing.headersSent) outgoing.destroy();
      else outgoing.writeHead(status).end(`${text}\n`);
    });
    pipeline(incoming, further, ignored);
  }

  function tunnel({ url = "" }: IncomingMessage, inside: Duplex, head: Buffer): void {
    const [, host = "", port = "443"] = /^(.*?):(\d+)$/.exec(url) ?? [];
    const outside: Socket = connect(placeOf(host, port));
    let isOpen = false;
    inside.on("error", () => outside.destroy());
    outside.on("connect", () => {
      isOpen = true;
      inside.write("HTTP/1.1 200 Connection established\r\n\r\n");
      outside.write(head);
      pipeline(inside, outside, ignored);
      pipeline(outside, inside, ignored);
    });
    outside.on("error", (error) => {
      const { status, text } = refusal(error, url);
      if (isOpen) inside.destroy();
      else inside.end(`HTTP/1.1 ${status} ${text.replace(/[^ -~]/g, " ")}\r\n\r\n`);
    });
  }

  const server = createServer(forward).on("connect", tunnel);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(socket, resolve);
  });
  return {
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

// Metadata servers: all of link-local, and where Google, Amazon, Azure and Alibaba have theirs beside it. And this machine:
// what listens here may trust whoever reaches it.
function closedAddresses(): BlockList {
  const closed = new BlockList();
  closed.addSubnet("169.254.0.0", 16);
  closed.addSubnet("127.0.0.0", 8);
  closed.addSubnet("0.0.0.0", 8);
  closed.addAddress("100.100.100.200");
  closed.addAddress("168.63.129.16");
  closed.addSubnet("fe80::", 10, "ipv6");
  closed.addAddress("::1", "ipv6");
  closed.addAddress("::", "ipv6");
  closed.addAddress("fd00:ec2::254", "ipv6");
  closed.addAddress("fd20:ce::254", "ipv6");
  // The same through NAT64.
  closed.addSubnet("64:ff9b::a9fe:0", 112, "ipv6");
  for (const { address, family } of Object.values(networkInterfaces()).flatMap(
    (all) => all ?? [],
  )) {
    closed.addAddress(address, family === "IPv6" ? "ipv6" : "ipv4");
  }
  return closed;
}

// Either side may leave at any time; the other then is closed, and there is nobody left to tell.
function ignored(): void {}
