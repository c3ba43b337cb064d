import { describe, expect, it } from "vitest";
import { createTokenCheck } from "../../worker/token.ts";
import { servePush, wanted } from "../support/push.ts";
import { account, audience, certificates, forged, token } from "../support/tokens.ts";

describe("with a check of tokens", () => {
  const check = createTokenCheck({ audience, account }, certificates);

  it("a job with a token of the account is taken", async () => {
    await using set = await servePush({ check });
    const response = await set.post(wanted, { authorization: `Bearer ${token()}` });
    expect(response.status).toBe(204);
    expect(set.jobs.length).toBe(1);
  });

  const refused: readonly (readonly [string, string | undefined, number])[] = [
    ["without a token", undefined, 401],
    ...Object.entries(forged).map(
      ([name, forge]) => [`with a token that is ${name}`, forge(), 401] as const,
    ),
    ["with a token for somebody else", token({ aud: "https://elsewhere.example.com" }), 401],
    ["with a token of another account", token({ email: "other@example.com" }), 403],
    ["with a token of an unverified account", token({ email_verified: false }), 403],
  ];

  it.each(refused)("a push %s is refused, and that is logged once", async (_, sent, status) => {
    await using set = await servePush({ check });
    const headers = sent === undefined ? {} : { authorization: `Bearer ${sent}` };
    const response = await set.post(wanted, headers);
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toEqual({ error: expect.any(String) });
    expect([set.jobs, set.letters]).toEqual([[], []]);
    expect(set.events.map(({ severity }) => severity)).toEqual(["WARNING"]);
    // Of a token nothing is logged, not even what it says.
    expect(JSON.stringify(set.events)).not.toContain(sent?.split(".")[1] ?? "Bearer");
  });

  it("a push comes again when there are no certificates to judge by", async () => {
    const blind = createTokenCheck({ audience, account }, async () => {
      throw new Error("no network");
    });
    await using set = await servePush({ check: blind });
    const response = await set.post(wanted, { authorization: `Bearer ${token()}` });
    expect(response.status).toBe(503);
    expect(set.events).toMatchObject([
      { severity: "ERROR", message: "a push comes back: no network" },
    ]);
    expect(set.jobs).toEqual([]);
  });
});

it("says that it is well, to anybody", async () => {
  await using set = await servePush({
    check: createTokenCheck({ audience, account }, certificates),
  });
  expect((await fetch(set.url)).status).toBe(200);
  expect((await fetch(set.url, { method: "PUT", body: wanted })).status).toBe(405);
});
