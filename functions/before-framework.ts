import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { Server, type RequestListener } from "node:http";
import { refuseUnreadable } from "./unreadable.ts";

/**
 * Answers the requests of the server that the functions framework is about to start, in place of its Express, which
 * costs five times the CPU, answers in HTML what it refuses, and drops every request that is held on SIGTERM.
 *
 * Nothing of the framework is changed for it: Node tells of each server that listens
 * (https://nodejs.org/api/diagnostics_channel.html, `net.server.listen`), and its listeners are exchanged before the
 * first connection is taken. On SIGTERM and SIGINT `drain` is called, which has to answer what waits; the process ends
 * when the last request has been answered, or is cut after `cutMs`.
 */
export function answerBeforeFramework(
  listener: RequestListener,
  drain: () => void,
  cutMs = 8000,
): void {
  const listening = "tracing:net.server.listen:asyncEnd";
  const take = (message: unknown): void => {
    const { server } = message as { readonly server: unknown }; // as Node documents the channel
    if (!(server instanceof Server)) return;
    unsubscribe(listening, take);
    server.removeAllListeners("request");
    server.on("request", listener);
    refuseUnreadable(server, listener);
    // A load balancer reuses connections for ten minutes, and must not find one closed.
    server.keepAliveTimeout = 620_000;
    // The framework installs its own handlers in the same turn; afterwards they are there to be taken away.
    setImmediate(() => {
      for (const signal of ["SIGTERM", "SIGINT"] as const) {
        process.removeAllListeners(signal);
        process.once(signal, () => endGracefully(server, drain, cutMs));
      }
    });
  };
  subscribe(listening, take);
}

function endGracefully(server: Server, drain: () => void, cutMs: number): void {
  drain();
  server.close(() => process.exit(0));
  // Connections become idle one after the other, as the requests on them are answered.
  setInterval(() => server.closeIdleConnections(), 50);
  setTimeout(() => server.closeAllConnections(), cutMs);
}
