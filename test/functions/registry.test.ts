import { describe, expect, it } from "vitest";
import { failed, manifestOf, ready } from "../support/builds.ts";
import { problemIn } from "../support/problem.ts";
import { testRegistry } from "../support/registry.ts";

const path = "/v2/git/manifests/latest";
const build = async () => ready("git");
const manifest = manifestOf("git");

describe("the registry", () => {
  it("builds what was asked for and answers with exactly the stored bytes", async () => {
    await using registry = await testRegistry({ build });
    const answer = await registry.ask(path);
    expect(answer).toMatchObject({
      status: 200,
      text: Buffer.from(manifest.bytes).toString(),
      headers: {
        "content-type": "application/vnd.oci.image.manifest.v1+json",
        "content-length": manifest.bytes.byteLength,
        "docker-content-digest": manifest.digest,
        etag: `"${manifest.digest}"`,
        "cache-control": "no-store",
      },
    });
  });

  it("makes one build of a hundred pulls at once, and none of the pulls after it", async () => {
    await using registry = await testRegistry({ build });
    const answers = await Promise.all(Array.from({ length: 100 }, () => registry.ask(path)));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    await registry.ask(path);
    await registry.ask(path, { method: "HEAD" });
    expect(registry.jobs.map(({ kind }) => kind)).toEqual(["pin", "build"]);
  });

  it("sends a pull that was held long enough to its next hop, and the ninth away for a while", async () => {
    await using registry = await testRegistry({
      holdMs: 20,
      build: () => new Promise(() => undefined),
      deaf: true,
    });
    await registry.pins.replace('["starter","",null]', 0, {
      reference: undefined,
      askedAt: Date.now(),
      current: { revision: "r1", resolvedAt: Date.now() },
    });
    const first = await registry.ask(`${path}?ns=docker.io`);
    expect(first).toMatchObject({ status: 307, text: "" });
    expect(first.headers).toMatchObject({
      location: `${path}?ns=docker.io&wait=1`,
      "content-length": 0,
    });
    expect((await registry.ask(`${path}?wait=8`)).headers["location"]).toBe(`${path}?wait=9`);
    const last = await registry.ask(`${path}?wait=9`, { headers: { host: "r.example.com" } });
    expect(last).toMatchObject({ status: 429, headers: { "retry-after": "5" } });
    expect(problemIn(last)).toMatchObject({ code: "TOOMANYREQUESTS" });
    expect(problemIn(last).message).toMatch(
      /^git:latest is still being built: pull again, or see how far it is at r\.example\.com\/status\/[0-9a-f]{64}$/,
    );
    expect(registry.jobs).toHaveLength(1);
  });

  it("sends waiting pulls on at once when the process is about to end", async () => {
    await using registry = await testRegistry({ holdMs: 60_000, deaf: true });
    const held = registry.ask(path);
    await expect.poll(() => registry.jobs.length).toBe(1);
    registry.drain();
    expect(await held).toMatchObject({ status: 307 });
  });

  it("tells a person why an image cannot be had, with the end of the log, and remembers it", async () => {
    const log = ["compiling", "fatal: out of flux"];
    await using registry = await testRegistry({
      build: async () => failed({ message: "git does not build", log }),
    });
    const answer = await registry.ask(path);
    expect(answer).toMatchObject({ status: 404, headers: { "cache-control": "no-store" } });
    expect(problemIn(answer)).toEqual({
      status: 404,
      code: "MANIFEST_UNKNOWN",
      message: "git does not build\nThe last lines of its log:\ncompiling\nfatal: out of flux",
    });
    await registry.ask(path);
    expect(registry.jobs.filter(({ kind }) => kind === "build")).toHaveLength(1);
    registry.advance(10_001);
    await registry.ask(path);
    expect(registry.jobs.filter(({ kind }) => kind === "build")).toHaveLength(2);
  });

  it("answers 503 to trouble of its own, and tries again with the next pull", async () => {
    await using registry = await testRegistry({
      build: async () => failed({ reason: "service", message: "the disk is full" }),
    });
    const answer = await registry.ask(path);
    expect(answer).toMatchObject({ status: 503, headers: { "retry-after": "5" } });
    expect(answer.text).toContain('"message":"the disk is full"');
    await registry.ask(path);
    expect(registry.jobs.filter(({ kind }) => kind === "build")).toHaveLength(2);
  });

  it("shows what it is building and how far that is", async () => {
    const reported = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    await using registry = await testRegistry({
      build: async (_, report) => {
        await report({ phase: "realising", done: 2, total: 7, message: "building git-2.51" });
        reported.resolve();
        await finish.promise;
        return ready("git");
      },
    });
    const pulling = registry.ask(path);
    await reported.promise;
    const { builds } = JSON.parse((await registry.ask("/status")).text) as {
      builds: { key: string }[];
    };
    expect(builds).toMatchObject([
      {
        image: "amd64/git",
        state: "building",
        progress: { done: 2, total: 7, message: "building git-2.51" },
      },
    ]);
    finish.resolve();
    await pulling;
    const { text } = await registry.ask(`/status/${builds[0]?.key}`);
    expect(JSON.parse(text)).toMatchObject({ state: "ready", digest: manifest.digest });
  });
});
