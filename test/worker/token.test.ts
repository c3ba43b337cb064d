import { describe, expect, it } from "vitest";
import { createTokenCheck } from "../../worker/token.ts";
import { account, audience, certificates, forged, token } from "../support/tokens.ts";

const check = createTokenCheck({ audience, account }, certificates);
const seconds = () => Math.floor(Date.now() / 1000);

it.each(["accounts.google.com", "https://accounts.google.com"])(
  "a token of %s is trusted",
  async (iss) => {
    expect(await check(`Bearer ${token({ iss })}`)).toEqual({ state: "trusted" });
  },
);

describe.each(Object.entries(forged))("a token that is %s", (_, forge) => {
  it("is invalid", async () => {
    expect(await check(`Bearer ${forge()}`)).toMatchObject({ state: "invalid" });
  });
});

const wrong: readonly (readonly [string, Readonly<Record<string, unknown>>, string, string])[] = [
  ["for somebody else", { aud: "https://elsewhere.example.com/" }, "invalid", "Wrong recipient"],
  ["for nobody", { aud: undefined }, "invalid", "Wrong recipient"],
  ["expired", { iat: seconds() - 7200, exp: seconds() - 3600 }, "invalid", "Token used too late"],
  [
    "not valid yet",
    { iat: seconds() + 3600, exp: seconds() + 7200 },
    "invalid",
    "Token used too early",
  ],
  ["valid for years", { exp: seconds() + 1e8 }, "invalid", "Expiration time too far in future"],
  ["without an end", { exp: undefined }, "invalid", "No expiration time in token"],
  ["of another issuer", { iss: "https://accounts.example.com" }, "invalid", "Invalid issuer"],
  ["of nobody", { iss: undefined }, "invalid", "Invalid issuer"],
  [
    "of another account",
    { email: "other@example.com" },
    "stranger",
    `it is not a token of ${account}`,
  ],
  ["of no account", { email: undefined }, "stranger", `it is not a token of ${account}`],
  [
    "of an unverified account",
    { email_verified: false },
    "stranger",
    `the mail address ${account} is not verified`,
  ],
  [
    "of an account verified in words",
    { email_verified: "true" },
    "stranger",
    `the mail address ${account} is not verified`,
  ],
];

it.each(wrong)(
  "a token %s is not trusted, and it is said why",
  async (_, claims, state, reason) => {
    expect(await check(`Bearer ${token(claims)}`)).toEqual({ state, reason });
  },
);

const headers: readonly (readonly [string, string | undefined, string])[] = [
  ["no header", undefined, "there is no token"],
  ["an empty header", "", "that is no bearer token"],
  ["a password", "Basic dTpw", "that is no bearer token"],
  ["a word", "Bearer hello", "that is no bearer token"],
  ["two tokens", `Bearer ${token()}, Bearer ${token()}`, "that is no bearer token"],
];

it.each(headers)("%s is not trusted", async (_, header, reason) => {
  expect(await check(header)).toEqual({ state: "invalid", reason });
});

it("no reason holds a part of the token", async () => {
  const tokens = [
    ...Object.values(forged).map((forge) => forge()),
    ...wrong.map(([, claims]) => token(claims)),
  ];
  for (const each of tokens) {
    const checked = await check(`Bearer ${each}`);
    if (checked.state === "trusted") throw new Error("it was trusted");
    const parts = each.split(".").filter((part) => part.length > 0);
    expect(parts.filter((part) => checked.reason.includes(part))).toEqual([]);
    expect(checked.reason).not.toMatch(/[{}]|eyJ|112233|@example/);
    expect(checked.reason.length).toBeGreaterThan(10);
  }
});

it("without certificates nothing is judged", async () => {
  const blind = createTokenCheck({ audience, account }, async () => {
    throw new Error("no network");
  });
  await expect(blind(`Bearer ${token()}`)).rejects.toThrow("no network");
});
