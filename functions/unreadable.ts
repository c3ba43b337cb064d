import type { RequestListener, Server } from "node:http";

/**
 * Has a server answer what is no HTTP, or too much of it, in the specification's form as well, in place of Node's empty
 * bodies; and answer requests with expectations like any other.
 */
export function refuseUnreadable(server: Server, listener: RequestListener): void {
  server.on("checkExpectation", listener);
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || error.code === "ECONNRESET") return void socket.destroy();
    const isTooLarge = error.code === "HPE_HEADER_OVERFLOW";
    const status = isTooLarge ? "431 Request Header Fields Too Large" : "400 Bad Request";
    const message = isTooLarge ? "path and headers are too long" : "this is not HTTP";
    const body = JSON.stringify({ errors: [{ code: "UNSUPPORTED", message }] });
    const headers = [
      "content-type: application/json",
      `content-length: ${body.length}`,
      "connection: close",
    ];
    socket.end([`HTTP/1.1 ${status}`, ...headers, "", body].join("\r\n"));
  });
}
