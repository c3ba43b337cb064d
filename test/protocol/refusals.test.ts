import { appendFile, writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { createBearerTokens } from "../../functions/bearer-tokens.ts";
import {
  alice,
  bearer,
  blobPath,
  bob,
  challengeOf,
  manifest,
  openAccounts,
  path,
  scope,
} from "../support/account-registry.ts";
import { basic, machineToken, usersFile } from "../support/accounts.ts";
import { problem, problemIn } from "../support/problem.ts";

describe("who is refused", () => {
  it("refuses a token for another name, by tag, digest and blob, though it knows the digests", async () => {
    await using registry = await openAccounts();
    await registry.built();
    const token = bearer(await registry.tokenFor(bob, "repository:hello:pull"));
    for (const where of [
      path,
      `/v2/git/manifests/${manifest.digest}`,
      blobPath,
      "/v2/git/tags/list",
    ]) {
      expect(await registry.send(where, token), where).toMatchObject({
        status: 401,
        headers: {
          "www-authenticate": challengeOf(`,scope="${scope}",error="insufficient_scope"`),
        },
      });
    }
    expect((await registry.send("/status", token)).status).toBe(401);
    expect((await registry.send("/status", bob)).status).toBe(200);
  });

  it("refuses a token that has expired, was tampered with, or is of another key, and says so", async () => {
    await using registry = await openAccounts();
    await registry.built();
    const token = await registry.tokenFor(bob, scope);
    expect((await registry.send(path, bearer(token))).status).toBe(200);
    expect(registry.admitsAtOnce(bearer(token))).toBe(true);
    const stranger = createBearerTokens(["x".repeat(40)], {
      service: "firn",
      serves: "starter",
      now: Date.now,
    });
    const claims = { who: "user:alice", repositories: ["git"], mayBuild: true };
    const [header, payload, signature] = token.split(".");
    const forged = JSON.stringify({
      ...JSON.parse(Buffer.from(payload ?? "", "base64url").toString()),
      sub: "user:alice",
      build: true,
    });
    for (const wrong of [
      (await stranger.sign(claims)).token,
      `${header}.${Buffer.from(forged).toString("base64url")}.${signature}`,
      `${header}.${payload}.`,
      "a.b.c",
      "nothing",
    ]) {
      expect(await registry.send(path, bearer(wrong)), wrong).toMatchObject({
        status: 401,
        headers: { "www-authenticate": challengeOf(`,scope="${scope}",error="invalid_token"`) },
      });
      expect(registry.admitsAtOnce(bearer(wrong))).toBe(false);
    }
    registry.advance(361_000);
    expect(registry.admitsAtOnce(bearer(token))).toBe(false);
    expect(problemIn(await registry.send(path, bearer(token)))).toEqual(
      problem(401, "UNAUTHORIZED", /^the token has expired$/),
    );
  });

  it.each([
    ["Basic", "Basic"],
    ["Basic with what is no Base64", "Basic ä"],
    ["Basic without a password", `Basic ${Buffer.from("alice").toString("base64")}`],
    ["another scheme", "Negotiate abc"],
    ["nothing", ""],
  ])("refuses %s in Authorization", async (_, authorization) => {
    await using registry = await openAccounts();
    expect((await registry.send(path, authorization)).status).toBe(401);
  });

  it("tells who is known and may nothing that it is so", async () => {
    await using registry = await openAccounts({ access: "user:alice=build" });
    const refused = await registry.send("/token?service=firn", bob);
    expect(problemIn(refused)).toEqual(
      problem(403, "DENIED", /^user:bob may not pull from this registry/),
    );
  });

  it("shuts an account or an address out within seconds, whatever tokens it has", async () => {
    await using registry = await openAccounts();
    await registry.built();
    const token = bearer(await registry.tokenFor(bob, scope));
    expect((await registry.send(path, token)).status).toBe(200);
    await writeFile(registry.files.path("blocked"), "user:bob\n");
    registry.advance(5001);
    expect(registry.admitsAtOnce(token)).toBe(false);
    for (const where of [path, blobPath, "/v2/", `/token?service=firn&scope=${scope}`]) {
      const refused = await registry.send(where, where.startsWith("/token") ? bob : token);
      expect(problemIn(refused)).toEqual(problem(403, "DENIED", /^user:bob is blocked here$/));
    }
    expect(registry.admitsAtOnce(token)).toBe(false);
    expect((await registry.send(path, alice)).status).toBe(200);
    await appendFile(registry.files.path("blocked"), "192.0.2.0/24 # a scanner\n");
    registry.advance(5001);
    const refused = await registry.send(path, alice);
    expect(problemIn(refused)).toEqual(problem(403, "DENIED", /^192\.0\.2\.1 is blocked here$/));
    expect(
      (await registry.ask(path, { peer: "198.51.100.1", headers: { authorization: alice } }))
        .status,
    ).toBe(200);
    // A list that is not understood leaves the last one as it is, and the log says so.
    await appendFile(registry.files.path("blocked"), "who knows\n");
    registry.advance(5001);
    expect((await registry.send(path, alice)).status).toBe(403);
    expect(
      registry.log.filter((line) => line.includes('line 3: "who knows" is neither')),
    ).toHaveLength(1);
    await writeFile(registry.files.path("blocked"), "");
    registry.advance(5001);
    expect((await registry.send(path, token)).status).toBe(200);
  });

  it("takes a password, or a machine's token, that was taken out of its file no longer", async () => {
    await using registry = await openAccounts();
    await registry.built();
    for (const each of [bob, bearer(machineToken)]) {
      expect((await registry.send(path, each)).status).toBe(200);
    }
    await writeFile(registry.files.path("users"), usersFile.replace(/^bob:.*$/m, ""));
    await writeFile(registry.files.path("tokens"), "");
    registry.advance(5001);
    for (const each of [bob, bearer(machineToken)]) {
      expect((await registry.send(path, each)).status).toBe(401);
    }
  });

  it("writes down who was refused what, a line each, and no more than some", async () => {
    await using registry = await openAccounts({ trustedHops: 1 });
    const from = { "x-forwarded-for": "1.1.1.1, 203.0.113.9" };
    await registry.send("/token?service=firn", basic("al\nice\u001b[2J", "x"), from);
    expect(registry.log).toContain(
      "WARNING refused user:al\\u{a}ice\\u{1b}[2J at 203.0.113.9: the user name or the password is wrong",
    );
    for (let i = 0; i < 200; i++) await registry.send(path, bearer("a.b.c"), from);
    expect(registry.log.filter((line) => line.includes("refused")).length).toBeLessThanOrEqual(20);
    registry.advance(10_001);
    await registry.send(path, bearer("a.b.c"), from);
    expect(registry.log).toContainEqual(expect.stringMatching(/refused 181 more/));
  });
});
