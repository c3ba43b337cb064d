import { createServer, type RequestListener } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { refuseUnreadable } from "../../functions/unreadable.ts";

export interface Listening {
  readonly port: number;
  /** Takes no more requests, lets those under way end for some seconds, and cuts what is left. */
  close(): Promise<void>;
}

const drainMs = 3000;

/** Listens; rejects with an Error that says what to do where the address cannot be had. */
export async function listen(
  listener: RequestListener,
  host: string,
  port: number,
): Promise<Listening> {
  // The time a client has to send its request; how long an answer takes is another matter.
  const server = createServer({ requestTimeout: 30_000, requireHostHeader: false }, listener);
  refuseUnreadable(server, listener);
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (error) {
    throw new Error(explain(error, host, port), { cause: error });
  }
  const address = server.address() as AddressInfo; // it listens on a port, so it is not a pipe
  return {
    port: address.port,
    async close() {
      const closed = once(server, "close");
      server.close();
      const cut = setTimeout(() => server.closeAllConnections(), drainMs);
      server.closeIdleConnections();
      await closed;
      clearTimeout(cut);
    },
  };
}

/** Rejects as `listen` would, before anything else has been done for it. */
export async function assertFree(host: string, port: number): Promise<void> {
  const probe = await listen(() => undefined, host, port);
  await probe.close();
}

function explain(error: unknown, host: string, port: number): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE") {
    return `port ${port} is taken: stop the program that listens there, or set FIRN_PORT to another one`;
  }
  if (code === "EACCES") return `port ${port} needs root: set FIRN_PORT to one above 1023`;
  if (code === "ENOTFOUND" || code === "EADDRNOTAVAIL") {
    return `"${host}" is not an address of this machine: set FIRN_HOST to one, such as 127.0.0.1 or 0.0.0.0`;
  }
  return `cannot listen on ${host}:${port}: ${String(error)}`;
}
