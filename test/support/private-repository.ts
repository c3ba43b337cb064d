import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, normalize } from "node:path";
import { program } from "./program.ts";

export interface PrivateRepository extends AsyncDisposable {
  /** `127.0.0.1:<port>` */
  readonly host: string;
  /** Requests that were let in, and that were not. */
  readonly seen: { allowed: number; refused: number };
}

/** Serves a bare git repository by HTTP, as plain files, at /set.git to who signs in as `firn` with a password. */
export async function servePrivately(
  repository: string,
  password: string,
): Promise<PrivateRepository> {
  await program("git", ["-C", repository, "update-server-info"]);
  const expected = `Basic ${Buffer.from(`firn:${password}`).toString("base64")}`;
  const seen = { allowed: 0, refused: 0 };
  const server = createServer((request, response) => {
    if (request.headers.authorization !== expected) {
      seen.refused++;
      response.writeHead(401, { "WWW-Authenticate": 'Basic realm="git"' }).end();
      return;
    }
    seen.allowed++;
    const { pathname } = new URL(request.url ?? "/", "http://git");
    const path = join(repository, normalize(pathname.replace(/^\/set\.git/, "")));
    readFile(path).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo; // it listens on a port
  return {
    host: `127.0.0.1:${port}`,
    seen,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
