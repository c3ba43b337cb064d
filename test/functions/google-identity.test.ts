import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createGoogleIdentity } from "../../functions/google-identity.ts";
import { openAccounts, path, scope } from "../support/account-registry.ts";
import { basic } from "../support/accounts.ts";
import { problemIn } from "../support/problem.ts";
import { audience, certificates, forged, token } from "../support/tokens.ts";

const gcloud = "32555940559.apps.googleusercontent.com";
const robot = "puller@project.iam.gserviceaccount.com";

// What Google tells of access tokens, as its own endpoint does.
const told: Readonly<Record<string, object>> = {
  "ya29.bob": { aud: gcloud, email: "Bob@example.com", email_verified: "true" },
  "ya29.other-site": { aud: "other", email: "bob@example.com", email_verified: "true" },
  "ya29.unverified": { aud: gcloud, email: "bob@example.com", email_verified: "false" },
  "ya29.robot": { aud: "1122", azp: "1122", email: robot, email_verified: "true" },
  "ya29.without-address": { aud: gcloud },
};
let asked = 0;
let isDown = false;
const server = createServer((request, response) => {
  asked += 1;
  const bearer = request.headers.authorization?.replace("Bearer ", "") ?? "";
  const found = told[bearer];
  const status = isDown ? 503 : found === undefined ? 400 : 200;
  const info = { ...found, scope: "openid email", expires_in: 3000 };
  const user = { email: "bob@example.com", hd: "example.com" };
  response.writeHead(status, { "content-type": "application/json" });
  response.end(
    JSON.stringify(
      request.url === "/userinfo"
        ? user
        : status === 200
          ? info
          : { error: isDown ? "unavailable" : "invalid_token" },
    ),
  );
});
let url = "";

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on a port
});
afterAll(() => void server.close());

const google = () => ({
  certificates,
  tokenInfoUrl: `${url}/tokeninfo`,
  userInfoUrl: `${url}/userinfo`,
});
const identify = async (text: string) =>
  await createGoogleIdentity({ ...google(), audiences: [audience, gcloud] })(text);

const bob = { kind: "google", email: "bob@example.com" };

describe("a token of Google's", () => {
  it("that was signed says who it is, for one of our audiences, until it ends", async () => {
    const found = await identify(token({ email: "Bob@example.com", hd: "example.com" }));
    expect(found?.subject).toEqual({ ...bob, domain: "example.com" });
    expect((found?.until ?? 0) - Date.now()).toBeGreaterThan(3_000_000);
    // An address of a domain is no proof of belonging to it.
    expect((await identify(token({ email: "bob@example.com" })))?.subject).toEqual({
      ...bob,
      domain: undefined,
    });
    expect((await identify(token({ email: robot })))?.subject.domain).toBe(
      "project.iam.gserviceaccount.com",
    );
  });

  const seconds = () => Math.floor(Date.now() / 1000);
  it.each<[string, () => string]>([
    ["for another audience", () => token({ aud: "https://other.example.com" })],
    ["of another issuer", () => token({ iss: "https://evil.example.com" })],
    ["that has expired", () => token({ iat: seconds() - 9000, exp: seconds() - 4000 })],
    ["that is not good yet", () => token({ iat: seconds() + 4000, exp: seconds() + 8000 })],
    [
      "of an address that nobody verified",
      () => token({ email: "bob@example.com", email_verified: false }),
    ],
    ["without an address", () => token({ email: undefined })],
    ...Object.entries(forged),
  ])("%s is nobody's", async (_, make) => {
    expect(await identify(make())).toBeUndefined();
  });

  it("for access is told by Google, and its organisation too", async () => {
    expect((await identify("ya29.bob"))?.subject).toEqual({ ...bob, domain: "example.com" });
    expect((await identify("ya29.robot"))?.subject).toEqual({
      kind: "google",
      email: robot,
      domain: "project.iam.gserviceaccount.com",
    });
  });

  it.each(["ya29.other-site", "ya29.unverified", "ya29.without-address", "ya29.unknown", ""])(
    'for access is nobody\'s where it is "%s"',
    async (text) => {
      expect(await identify(text)).toBeUndefined();
    },
  );

  it("is the password of oauth2accesstoken, and asked about once in five minutes", async () => {
    await using registry = await openAccounts({
      access: "google:*@example.com=build",
      googleAudiences: [gcloud],
      google: google(),
    });
    const before = asked;
    for (let i = 0; i < 5; i++) {
      expect((await registry.send(path, basic("oauth2accesstoken", "ya29.bob"))).status).toBe(200);
    }
    const pulled = await registry.tokenFor(basic("oauth2accesstoken", "ya29.bob"), scope);
    expect((await registry.send(path, `Bearer ${pulled}`)).status).toBe(200);
    expect(asked - before).toBe(2);
    expect(
      problemIn(await registry.send(path, basic("oauth2accesstoken", "ya29.robot"))),
    ).toMatchObject({
      status: 403,
      message: `google:${robot} may not pull from this registry: whoever runs it has to allow it`,
    });
    expect((await registry.send(path, basic("oauth2accesstoken", "ya29.unknown"))).status).toBe(
      401,
    );
  });

  it("is trouble of ours, and no refusal, while Google cannot be asked", async () => {
    isDown = true;
    try {
      await expect(identify("ya29.bob")).rejects.toThrow(
        "Google could not be asked whose token it is: unavailable",
      );
    } finally {
      isDown = false;
    }
  });
});
