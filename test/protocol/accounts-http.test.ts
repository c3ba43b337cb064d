import { afterAll, beforeAll, expect, it } from "vitest";
import { createListener } from "../../functions/http.ts";
import { listen, type Listening } from "../../infra/local/listen.ts";
import { alice, bearer, bob, openAccounts, path, scope } from "../support/account-registry.ts";
import { machineToken, passwords } from "../support/accounts.ts";
import { exchange, rawRequest } from "../support/raw-http.ts";

// What is true of accounts over a real socket.
const resources = new AsyncDisposableStack();
let registry: Awaited<ReturnType<typeof openAccounts>>;
let server: Listening;

beforeAll(async () => {
  registry = resources.use(await openAccounts({ trustedHops: 1 }));
  server = await listen(
    createListener(registry.registry, () => undefined),
    "127.0.0.1",
    0,
  );
  resources.defer(async () => await server.close());
  await registry.built();
});
afterAll(async () => await resources.disposeAsync());

const ask = async (where: string, ...headers: readonly string[]) =>
  await rawRequest(server.port, "GET", where, headers);

function posted(body: string): string {
  const head = [
    "POST /token HTTP/1.1",
    "host: localhost",
    "content-type: application/x-www-form-urlencoded",
    `content-length: ${body.length}`,
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}

it("a manifest in memory is for those alone who may have it", async () => {
  const token = await registry.tokenFor(bob, scope);
  const other = await registry.tokenFor(bob, "repository:hello:pull");
  // The first of each is checked, and the second answered from memory.
  for (let i = 0; i < 2; i++) {
    expect((await ask(path, `authorization: ${bearer(token)}`)).status).toBe(200);
    expect((await ask(path, `authorization: ${bearer(machineToken)}`)).status).toBe(200);
    expect((await ask(path, `authorization: ${bob}`)).status).toBe(200);
    expect((await ask(path)).status).toBe(401);
    expect((await ask(path, `authorization: ${bearer(other)}`)).status).toBe(401);
    expect((await ask(path, `authorization: ${bearer(`${token}x`)}`)).status).toBe(401);
  }
});

it("a form is posted for a token", async () => {
  const fields = { grant_type: "password", username: "alice", password: passwords.alice, scope };
  const form = new URLSearchParams(fields).toString();
  const answer = await exchange(
    server.port,
    posted(form).replace("host:", "connection: close\r\nhost:"),
  );
  expect(answer.status).toBe(200);
  const { token } = JSON.parse(answer.body.toString()) as { token: string };
  expect((await ask(path, `authorization: ${bearer(token)}`)).status).toBe(200);
});

it("a form that is too long is refused, and the connection is good for the next request", async () => {
  const next = `GET /v2/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: ${alice}\r\n\r\n`;
  const answer = await exchange(server.port, `${posted("x".repeat(100_000))}${next}`);
  expect(answer.status).toBe(413);
  expect(answer.body.toString()).toContain("HTTP/1.1 200 OK");
});

it("the address of a refusal is that which our own proxy saw, whatever the client says", async () => {
  await ask(
    "/token?service=firn",
    "x-forwarded-for: 6.6.6.6",
    "x-forwarded-for: 203.0.113.7",
    "authorization: Basic eA==",
  );
  await ask(path, "x-forwarded-for: 6.6.6.6, 203.0.113.7", "authorization: Bearer a.b.c");
  const lines = registry.log.filter((line) => line.includes("203.0.113.7"));
  expect(lines).toEqual([
    "WARNING refused somebody at 203.0.113.7: it is no token of this registry",
  ]);
  expect(registry.log.join()).not.toContain("6.6.6.6");
});

it.each([
  ["/v2/a%0aERROR%20all%20is%20lost/manifests/latest", "a\\u{a}ERROR all is lost"],
  ["/v2/git/manifests/%1b%5b2J", "\\u{1b}[2J"],
  ["/v2/git/blobs/sha256:%0d%0aset-cookie:x", "\\u{d}\\u{a}set-cookie:x"],
  ["/v2/git/tags/list?n=%1b%5d0;x%07", "\\u{1b}]0;x\\u{7}"],
  ["/%e2%80%ae/x", "\\u{202e}"],
  ["/token?service=%0d%0aset-cookie:x", "\\u{d}\\u{a}set-cookie:x"],
])(
  "line ends and escapes of terminals in %s are shown, and obeyed by nobody",
  async (where, shown) => {
    const answer = await ask(where, `authorization: ${alice}`);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    const { errors } = JSON.parse(answer.body.toString()) as { errors: { message: string }[] };
    expect(errors[0]?.message).toContain(shown);
    // oxlint-disable-next-line no-control-regex -- they are what is looked for
    expect(errors[0]?.message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
    expect(answer.headerNames.map((name) => name.toLowerCase())).not.toContain("set-cookie");
  },
);
