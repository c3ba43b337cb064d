import { describe, expect, it } from "vitest";
import {
  alice,
  bearer,
  host,
  openAccounts,
  path,
  scope,
  scopesQuery,
} from "../support/account-registry.ts";
import { machineToken, passwords } from "../support/accounts.ts";
import { problem, problemIn } from "../support/problem.ts";

describe("the place where tokens are", () => {
  const form = (fields: Readonly<Record<string, string>>) =>
    Buffer.from(new URLSearchParams(fields).toString());
  const post = (body: Uint8Array, type = "application/x-www-form-urlencoded") => ({
    method: "POST",
    headers: { host, "content-type": type },
    body: (async function* () {
      yield body;
    })(),
  });

  it.each([
    ["a password", { grant_type: "password", username: "bob", password: passwords.bob }],
    ["an identity token", { grant_type: "refresh_token", refresh_token: machineToken }],
  ])("takes %s in a form of OAuth 2", async (_, fields) => {
    await using registry = await openAccounts();
    await registry.built();
    const body = form({ ...fields, service: "firn", scope, client_id: "containerd-client" });
    const answer = await registry.ask("/token", post(body));
    expect(answer.status).toBe(200);
    const { access_token: token } = JSON.parse(answer.text) as { access_token: string };
    expect((await registry.send(path, bearer(token))).status).toBe(200);
  });

  it.each([
    ["a form that is too long", post(Buffer.alloc(20_000)), 413],
    ["JSON", post(Buffer.from("{}"), "application/json"), 400],
    ["another grant", post(form({ grant_type: "authorization_code" })), 400],
    ["no grant", post(form({})), 400],
    [
      "a wrong password",
      post(form({ grant_type: "password", username: "bob", password: "x" })),
      401,
    ],
    [
      "a wrong identity token",
      post(form({ grant_type: "refresh_token", refresh_token: "x" })),
      401,
    ],
  ])("refuses %s", async (_, request, status) => {
    await using registry = await openAccounts();
    const answer = await registry.ask("/token", request);
    expect(problemIn(answer)).toMatchObject({ status });
  });

  it("puts into a token the names that are to be pulled, and nothing else that is asked for", async () => {
    await using registry = await openAccounts();
    const asked = async (...scopes: readonly string[]) => {
      const query = scopesQuery(scopes);
      const { text } = await registry.send(`/token?${query.toString()}`, alice);
      return (JSON.parse(text) as { scope: string }).scope;
    };
    expect(await asked("repository:shell/git:pull,push", "repository:jq:pull")).toBe(
      "repository:shell/git:pull repository:jq:pull",
    );
    expect(await asked("repository:jq:pull repository:jq:pull repository:git:*")).toBe(
      "repository:jq:pull repository:git:pull",
    );
    expect(
      await asked(
        "registry:catalog:*",
        "repository:jq:push",
        "repository:J Q:pull",
        "build",
        "repository(plugin):x:pull",
      ),
    ).toBe("");
    expect(
      (await asked(...Array.from({ length: 500 }, (_, i) => `repository:p${i}:pull`))).split(" "),
    ).toHaveLength(20);
  });

  it("gives no token for another service, or to nobody", async () => {
    await using registry = await openAccounts();
    expect(problemIn(await registry.send("/token?service=other%0a", alice))).toEqual(
      problem(400, "UNSUPPORTED", /^"other\\u\{a\}" is not the service/),
    );
    expect(await registry.send("/token?service=firn")).toMatchObject({
      status: 401,
      headers: { "www-authenticate": 'Basic realm="firn", charset="UTF-8"' },
    });
  });

  it.each([
    [{ host: "firn.example.com:8080" }, {}, "http://firn.example.com:8080/token"],
    [{ host: "[::1]:8080" }, {}, "http://[::1]:8080/token"],
    [{ host: 'x",realm="https://evil' }, {}, "http://localhost/token"],
    [{ host: "a@b" }, {}, "http://localhost/token"],
    [{ host, "x-forwarded-proto": "https" }, {}, `http://${host}/token`],
    [{ host, "x-forwarded-proto": "https" }, { trustedHops: 1 }, `https://${host}/token`],
    [{ host: "evil" }, { publicUrl: "https://r.example.com" }, "https://r.example.com/token"],
  ])("is named to %o as %o says: %s", async (headers, options, realm) => {
    await using registry = await openAccounts(options);
    const answer = await registry.ask("/v2/", { headers });
    expect(answer.headers["www-authenticate"]).toContain(`realm="${realm}",`);
  });
});
