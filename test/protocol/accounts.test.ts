import { describe, expect, it } from "vitest";
import {
  alice,
  bearer,
  blobPath,
  bob,
  challengeOf,
  host,
  manifest,
  openAccounts,
  path,
  scope,
} from "../support/account-registry.ts";
import { basic, machineToken, tokenKey } from "../support/accounts.ts";
import { ready } from "../support/builds.ts";
import { problem, problemIn } from "../support/problem.ts";
import { blob } from "../support/served.ts";

describe("a registry for those who have an account", () => {
  it("sends a client that has said nothing to where tokens are, at /v2/ and with everything else", async () => {
    await using registry = await openAccounts();
    const base = await registry.send("/v2/");
    expect(base).toMatchObject({ status: 401, headers: { "www-authenticate": challengeOf() } });
    expect(problemIn(base)).toEqual(
      problem(401, "UNAUTHORIZED", /docker login firn\.example\.com/),
    );
    for (const where of [
      path,
      `/v2/git/manifests/${manifest.digest}`,
      blobPath,
      "/v2/git/tags/list",
      `/v2/git/referrers/${manifest.digest}`,
    ]) {
      for (const method of ["GET", "HEAD"]) {
        expect(await registry.send(where, undefined, {}, method), where).toMatchObject({
          status: 401,
          headers: { "www-authenticate": challengeOf(`,scope="${scope}"`) },
        });
      }
    }
    for (const where of ["/status", `/status/${"a".repeat(64)}`]) {
      expect(await registry.send(where)).toMatchObject({
        status: 401,
        headers: { "www-authenticate": 'Basic realm="firn", charset="UTF-8"' },
      });
    }
    expect((await registry.send("/")).status).toBe(200);
    expect(registry.jobs).toEqual([]);
  });

  it("gives a token to who signs in, with which manifests and blobs of one name are pulled", async () => {
    await using registry = await openAccounts();
    const answer = await registry.send(`/token?service=firn&scope=${scope}&account=alice`, alice);
    expect(answer).toMatchObject({ status: 200, headers: { "cache-control": "no-store" } });
    const told = JSON.parse(answer.text) as Record<string, string>;
    expect(told).toMatchObject({ expires_in: 300, scope, access_token: told["token"] });
    const token = bearer(told["token"] ?? "");
    expect((await registry.send("/v2/", token)).status).toBe(200);
    expect(await registry.send(path, token)).toMatchObject({
      status: 200,
      text: Buffer.from(manifest.bytes).toString(),
    });
    expect((await registry.send(blobPath, token)).text).toBe(blob.toString());
    expect((await registry.send("/v2/git/tags/list", token)).status).toBe(200);
  });

  it("keeps what is served to some out of caches for all", async () => {
    await using registry = await openAccounts();
    await registry.built();
    const digestPath = `/v2/git/manifests/${manifest.digest}`;
    for (const where of [digestPath, digestPath, blobPath]) {
      const control = String((await registry.send(where, alice)).headers["cache-control"]);
      expect(control).toMatch(/^private, max-age=\d+, immutable/);
    }
    const warm = registry.warm("GET", digestPath, undefined, () => ({
      headers: { authorization: bearer(machineToken) },
      peer: undefined,
    }));
    expect(warm).toBeUndefined();
  });

  it("serves what is there to who may only pull, and has nothing built for them", async () => {
    await using registry = await openAccounts();
    const token = bearer(await registry.tokenFor(bob, scope));
    expect((await registry.send(path, token, {}, "HEAD")).status).toBe(403);
    expect(problemIn(await registry.send(path, token))).toEqual(
      problem(403, "DENIED", /^git:latest is not there yet, and user:bob may only pull what is/),
    );
    expect(registry.jobs.filter(({ kind }) => kind === "build")).toEqual([]);
    await registry.built();
    expect((await registry.send(path, token)).status).toBe(200);
    expect(registry.jobs.filter(({ kind }) => kind === "build")).toHaveLength(1);
  });

  it("looks no tag up for who may only pull, unless it was found before", async () => {
    await using registry = await openAccounts(
      {},
      { packageSet: { kind: "git", url: "https://example.com/p", reference: "main" } },
    );
    expect((await registry.send("/v2/git/manifests/v1", bob)).status).toBe(403);
    expect(registry.jobs).toEqual([]);
    expect((await registry.send("/v2/git/manifests/v1", alice)).status).toBe(200);
    expect((await registry.send("/v2/git/manifests/v1", bob)).status).toBe(200);
  });

  it("lets who may only pull wait for what somebody else had begun", async () => {
    const finish = Promise.withResolvers<void>();
    await using registry = await openAccounts(
      {},
      {
        build: async () => {
          await finish.promise;
          return ready("git");
        },
      },
    );
    const first = registry.send(path, alice);
    await expect
      .poll(() => registry.jobs.filter(({ kind }) => kind === "build").length, { timeout: 10_000 })
      .toBe(1);
    const second = registry.send(path, bob);
    finish.resolve();
    expect((await first).status).toBe(200);
    expect((await second).status).toBe(200);
    expect(registry.jobs.filter(({ kind }) => kind === "build")).toHaveLength(1);
  });

  it("takes name and password, and the token of a machine, without a token of five minutes as well", async () => {
    await using registry = await openAccounts();
    await registry.built();
    for (const each of [bob, basic("ci", machineToken), bearer(machineToken)]) {
      expect((await registry.send(path, each)).status).toBe(200);
    }
    expect(problemIn(await registry.send(path, basic("bob", "guess")))).toEqual(
      problem(401, "UNAUTHORIZED", /^the user name or the password is wrong$/),
    );
  });
});

describe("a registry where everybody may pull, and some may build", () => {
  const access = "anonymous=pull, user:alice=build";

  it("serves what is there without a token, and asks who would have something built to sign in", async () => {
    await using registry = await openAccounts({ access });
    const refused = await registry.send(path);
    expect(refused).toMatchObject({
      status: 401,
      headers: { "www-authenticate": challengeOf(`,scope="${scope}"`) },
    });
    expect(problemIn(refused).message).toBe(
      `git:latest is not there yet, and anonymous may only pull what is: docker login ${host} as somebody who may have it built`,
    );
    // Clients that find nobody's password ask for a token all the same.
    const anonymous = bearer(await registry.tokenFor(undefined, scope));
    expect(problemIn(await registry.send(path, anonymous))).toEqual(problem(403, "DENIED"));
    expect((await registry.send("/v2/")).status).toBe(401);
    expect((await registry.send("/v2/", anonymous)).status).toBe(200);
    expect(registry.jobs.filter(({ kind }) => kind === "build")).toEqual([]);
    await registry.built();
    for (const each of [undefined, anonymous]) {
      const answer = await registry.send(path, each);
      expect(answer.status).toBe(200);
      expect(registry.admitsAtOnce(each)).toBe(true);
    }
    const digestPath = `/v2/git/manifests/${manifest.digest}`;
    expect((await registry.send(digestPath)).headers["cache-control"]).toMatch(/^public/);
  });

  it("has no accounts where rules name none: nobody is asked to sign in", async () => {
    await using registry = await openAccounts({ access: "anonymous=pull" });
    expect((await registry.send("/v2/")).status).toBe(200);
    expect((await registry.send(path)).status).toBe(403);
    expect((await registry.send("/token")).status).toBe(404);
  });
});

describe("two registries over one bucket", () => {
  it("take none of each other's tokens, though their keys are the same", async () => {
    await using open = await openAccounts({
      access: "anonymous=pull, user:alice=build",
      keys: tokenKey,
    });
    await using closed = await openAccounts(
      { keys: tokenKey, packageSet: { kind: "path", path: "/srv/private" } },
      { blobs: open.blobs },
    );
    const token = bearer(await open.tokenFor(undefined, scope));
    expect((await open.send(blobPath, token)).status).toBe(200);
    for (const each of [token, undefined])
      expect((await closed.send(blobPath, each)).status).toBe(401);
    expect((await closed.send(blobPath, bearer(await closed.tokenFor(bob, scope)))).status).toBe(
      200,
    );
  });
});
