import { describe, expect, it } from "vitest";
import { createListener } from "../../functions/http.ts";
import { listen } from "../../infra/local/listen.ts";
import { failed, manifestOf, ready } from "../support/builds.ts";
import { problemIn } from "../support/problem.ts";
import { rawRequest } from "../support/raw-http.ts";
import { testRegistry, type TestRegistry } from "../support/registry.ts";

const path = "/v2/git/manifests/latest";
const holdMs = 150;

/** A registry whose build of git ends when it is told to. */
async function slowRegistry() {
  const finish = Promise.withResolvers<void>();
  const registry = await testRegistry({
    holdMs,
    build: async () => {
      await finish.promise;
      return ready("git");
    },
  });
  return {
    registry,
    finish: finish.resolve,
    async [Symbol.asyncDispose]() {
      finish.resolve();
      await registry[Symbol.asyncDispose]();
    },
  };
}

const builds = ({ jobs }: TestRegistry) => jobs.filter(({ kind }) => kind === "build").length;

describe("a manifest that takes long", () => {
  it("is held, then sent round with a counter, then refused for a while, and there in the end: one build", async () => {
    await using slow = await slowRegistry();
    const { registry } = slow;
    for (let hop = 0; hop < 9; hop++) {
      const answer = await registry.ask(hop === 0 ? path : `${path}?wait=${hop}`);
      expect(answer).toMatchObject({
        status: 307,
        text: "",
        headers: {
          location: `${path}?wait=${hop + 1}`,
          "content-length": 0,
          "cache-control": "no-store",
        },
      });
    }
    const last = await registry.ask(`${path}?wait=9`);
    expect(last.status).toBe(429);
    expect(problemIn(last).code).toBe("TOOMANYREQUESTS");
    const seconds = Number(last.headers["retry-after"]);
    expect(seconds).toBeGreaterThanOrEqual(1);
    expect(seconds).toBeLessThanOrEqual(5);
    slow.finish();
    expect(await registry.ask(`${path}?wait=9`)).toMatchObject({
      status: 200,
      text: Buffer.from(manifestOf("git").bytes).toString(),
    });
    expect(builds(registry)).toBe(1);
  });

  it("is held on the last hop as on the others: some clients ask for that one again and again", async () => {
    await using slow = await slowRegistry();
    await slow.registry.ask(path);
    for (const hop of [0, 5, 9]) {
      const before = performance.now();
      await slow.registry.ask(`${path}?wait=${hop}`);
      expect(performance.now() - before, `hop ${hop}`).toBeGreaterThanOrEqual(holdMs - 10);
    }
  });

  it("may be asked for at any hop: nobody remembers who asked before", async () => {
    await using slow = await slowRegistry();
    const answer = await slow.registry.ask(`${path}?wait=7&ns=docker.io`);
    expect(answer).toMatchObject({
      status: 307,
      headers: { location: `${path}?wait=8&ns=docker.io` },
    });
    expect(builds(slow.registry)).toBe(1);
  });

  it("is no 202, and no informational answer comes before its own, for GET and HEAD", async () => {
    await using slow = await slowRegistry();
    const listener = createListener(slow.registry.registry, () => undefined);
    const server = await listen(listener, "127.0.0.1", 0);
    try {
      for (const method of ["GET", "HEAD"]) {
        const answer = await rawRequest(server.port, method, path);
        expect(answer.status).toBe(307);
        expect(answer.body.byteLength).toBe(0);
      }
      slow.finish();
      expect((await rawRequest(server.port, "GET", `${path}?wait=1`)).status).toBe(200);
    } finally {
      await server.close();
    }
    expect(builds(slow.registry)).toBe(1);
  });

  it("is built to its end although every client that asked for it has gone", async () => {
    await using slow = await slowRegistry();
    const gone = new AbortController();
    const asked = slow.registry.ask(path, { signal: gone.signal });
    await expect.poll(() => builds(slow.registry)).toBe(1);
    gone.abort();
    await asked;
    slow.finish();
    await expect.poll(async () => (await slow.registry.cache.recent(1))[0]?.state).toBe("ready");
    expect(builds(slow.registry)).toBe(1);
  });

  it("that nobody can build is 404, with the reason", async () => {
    await using registry = await testRegistry({ build: async () => failed() });
    const answer = await registry.ask(path);
    expect(answer).toMatchObject({ status: 404, headers: { "cache-control": "no-store" } });
    const { code, message } = problemIn(answer);
    expect({ code, message }).toEqual({ code: "MANIFEST_UNKNOWN", message: "it does not compile" });
  });

  it("that we could not build is 503, which the specification has no code for, and worth another try", async () => {
    const ours = failed({ reason: "service", message: "the disk is full" });
    await using registry = await testRegistry({ build: async () => ours });
    const answer = await registry.ask(path);
    expect(answer).toMatchObject({ status: 503, headers: { "cache-control": "no-store" } });
    expect(answer.text).toBe('{"errors":[{"code":"UNAVAILABLE","message":"the disk is full"}]}');
    expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
  });
});
