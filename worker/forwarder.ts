import { createConnection, createServer } from "node:net";
import { pipeline } from "node:stream";

// A program of its own, in a network that has nothing but this: hands connections on to a Unix socket, which is a file and
// so can be reached from any network. Ends with whoever started it, which closes its stdin then.
const [path = ""] = process.argv.slice(2);

function ignored(): void {}

const server = createServer({ allowHalfOpen: true }, (inside) => {
  const outside = createConnection({ path, allowHalfOpen: true });
  pipeline(inside, outside, ignored);
  pipeline(outside, inside, ignored);
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  process.stdout.write(`${JSON.stringify({ pid: process.pid, port })}\n`);
});
process.stdin.on("end", () => process.exit()).resume();
