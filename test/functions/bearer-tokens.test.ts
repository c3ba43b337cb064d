import { createHmac, randomUUID } from "node:crypto";
import { SignJWT } from "jose/jwt/sign";
import { describe, expect, it } from "vitest";
import { createBearerTokens } from "../../functions/bearer-tokens.ts";

const start = Date.UTC(2026, 10, 24);
const key = "a key that is long enough for everybody";
const other = "another key, which is long enough as well";
const claims = { who: "user:alice", repositories: ["shell/git"], mayBuild: true };

function tokensAt(
  atMs = 0,
  changed: { keys?: readonly string[]; service?: string; serves?: string } = {},
) {
  const { keys = [key], service = "firn", serves = "starter" } = changed;
  return createBearerTokens(keys, { service, serves, now: () => start + atMs });
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const decode = (part = "") => JSON.parse(Buffer.from(part, "base64url").toString()) as object;

/** A token that is right, its header and claims changed, and signed by `sign`. */
async function changedToken(
  head: object,
  body: object,
  sign: (text: string) => string = () => "",
): Promise<string> {
  const { token } = await tokensAt().sign(claims);
  const [header, payload] = token.split(".");
  const text = `${encode({ ...decode(header), ...head })}.${encode({ ...decode(payload), ...body })}`;
  return `${text}.${sign(text)}`;
}

// What signs here, as bearer-tokens.ts derives it.
const secret = createHmac("sha256", key).update("firn bearer token 1 starter").digest();
const signed = (text: string) => createHmac("sha256", secret).update(text).digest("base64url");

describe("a bearer token", () => {
  it("says who pulls what for five minutes, and is checked by signature alone: again and again until it ends", async () => {
    const { token, issuedAt } = await tokensAt().sign(claims);
    expect(issuedAt).toBe(start / 1000);
    for (const atMs of [0, 1000, 299_000]) {
      // Another process, with the same key.
      expect(await tokensAt(atMs).verify(token)).toEqual({
        state: "valid",
        claims,
        until: start + 360_000,
      });
    }
  });

  it("tells nobody apart from others by more than its id", async () => {
    const [one, two] = [await tokensAt().sign(claims), await tokensAt().sign(claims)];
    expect(one.token).not.toBe(two.token);
    expect(decode(one.token.split(".")[1])).toEqual({
      iss: "firn",
      aud: "firn",
      sub: "user:alice",
      iat: start / 1000,
      nbf: start / 1000,
      exp: start / 1000 + 300,
      jti: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      access: [{ type: "repository", name: "shell/git", actions: ["pull"] }],
      build: true,
    });
  });

  it.each([
    [301_000, "valid", "a clock that is a minute behind may have issued it"],
    [359_000, "valid", "up to that minute"],
    [361_000, "the token has expired", "and no longer"],
    [-59_000, "valid", "a clock that is a minute ahead may have issued it"],
    [-61_000, `the token's "nbf" is not right`, "and no more than that"],
  ])("%i ms after it was issued is: %s (%s)", async (atMs, expected) => {
    const { token } = await tokensAt().sign(claims);
    const verified = await tokensAt(atMs).verify(token);
    expect(verified.state === "valid" ? "valid" : verified.reason).toBe(expected);
  });

  it("of a key that was followed by another is good while both are there", async () => {
    const { token } = await tokensAt().sign(claims);
    expect(await tokensAt(0, { keys: [other, key] }).verify(token)).toMatchObject({ claims });
    const fresh = await tokensAt(0, { keys: [other, key] }).sign(claims);
    expect(await tokensAt(0, { keys: [other] }).verify(fresh.token)).toMatchObject({ claims });
    expect((await tokensAt(0, { keys: [other] }).verify(token)).state).toBe("invalid");
  });

  const none = "it is no token of this registry";
  const forged: Readonly<Record<string, readonly [() => Promise<string>, string]>> = {
    "without a signature, alg none": [() => changedToken({ alg: "none" }, {}), none],
    "alg none, with the signature": [() => changedToken({ alg: "none" }, {}, signed), none],
    "alg NONE": [() => changedToken({ alg: "NONE" }, {}, signed), none],
    "of another algorithm, rightly signed": [
      () =>
        changedToken({ alg: "HS512" }, {}, (text) =>
          createHmac("sha512", secret).update(text).digest("base64url"),
        ),
      none,
    ],
    "that claims a public key": [() => changedToken({ alg: "RS256" }, {}, signed), none],
    "tampered to be somebody else's": [
      async () => {
        const { token } = await tokensAt().sign(claims);
        const [header, , signature] = token.split(".");
        return `${header}.${encode({ ...decode(token.split(".")[1]), sub: "user:root" })}.${signature}`;
      },
      "the token's signature is wrong",
    ],
    "with a signature cut short": [
      async () => (await tokensAt().sign(claims)).token.slice(0, -4),
      "the token's signature is wrong",
    ],
    "of a key of its own, in its header": [
      () =>
        changedToken(
          { jwk: { kty: "oct", k: encode("mine") } },
          { sub: "user:root" },
          () => "AAAA",
        ),
      "the token's signature is wrong",
    ],
    "of a key that is called as an inherited property": [
      () => changedToken({ kid: "constructor" }, {}, signed),
      none,
    ],
    "of no key": [() => changedToken({ kid: undefined }, {}, signed), none],
    "for another audience": [
      () => changedToken({}, { aud: "other" }, signed),
      `the token's "aud" is not right`,
    ],
    "of another issuer": [
      () => changedToken({}, { iss: "other" }, signed),
      `the token's "iss" is not right`,
    ],
    "that never ends": [
      () => changedToken({}, { exp: undefined }, signed),
      `the token's "exp" is not right`,
    ],
    "of nobody": [
      () => changedToken({}, { sub: undefined }, signed),
      `the token's "sub" is not right`,
    ],
    "that is of another type": [
      () => changedToken({ typ: "at+jwt" }, {}, signed),
      `the token's "typ" is not right`,
    ],
    "that is nothing at all": [async () => "a.b.c", none],
    "that is empty": [async () => "", none],
  };

  it.each(Object.entries(forged))("%s is refused", async (_, [make, reason]) => {
    expect(await tokensAt().verify(await make())).toEqual({ state: "invalid", reason });
  });

  it("made by hand as these are is accepted where nothing is wrong with it", async () => {
    expect(await tokensAt().verify(await changedToken({}, {}, signed))).toMatchObject({ claims });
    const kid = (decode((await tokensAt().sign(claims)).token.split(".")[0]) as { kid: string })
      .kid;
    const byLibrary = await new SignJWT({ access: [] })
      .setProtectedHeader({ alg: "HS256", typ: "JWT", kid })
      .setIssuer("firn")
      .setAudience("firn")
      .setSubject("user:bob")
      .setIssuedAt(start / 1000)
      .setNotBefore(start / 1000)
      .setExpirationTime(start / 1000 + 10)
      .setJti(randomUUID())
      .sign(secret);
    expect((await tokensAt().verify(byLibrary)).state).toBe("valid");
  });

  it.each([
    ["of another address", { service: "registry.example.com" }],
    ["with another package set, though the key is the same", { serves: "nixpkgs" }],
  ])("opens no registry %s", async (_, changed) => {
    const { token } = await tokensAt().sign(claims);
    expect((await tokensAt(0, changed).verify(token)).state).toBe("invalid");
  });
});
