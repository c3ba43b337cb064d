import { describe, expect, it } from "vitest";
import { digestOf } from "../../core/digest.ts";
import { failed, manifestOf, ready } from "../support/builds.ts";
import { testRegistry, type Answer } from "../support/registry.ts";

const path = "/v2/git/manifests/latest";
const build = async () => ready("git");
const manifest = manifestOf("git");

function problemOf({ text }: Answer): { code: string; message: string } {
  const { errors } = JSON.parse(text) as { errors: { code: string; message: string }[] };
  const [first] = errors;
  if (first === undefined) throw new Error(`no error in ${text}`);
  return first;
}

describe("the registry", () => {
  it.each(["/v2", "/v2/"])("says that it is one at %s", async (base) => {
    await using registry = await testRegistry();
    expect(await registry.ask(base)).toMatchObject({
      status: 200,
      headers: {
        "content-type": "application/json",
        "docker-distribution-api-version": "registry/2.0",
      },
      text: "{}",
    });
  });

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

  it("serves a manifest by its digest for good, under every name", async () => {
    await using registry = await testRegistry({ build });
    await registry.ask(path);
    for (const name of ["git", "some/other"]) {
      expect(await registry.ask(`/v2/${name}/manifests/${manifest.digest}`)).toMatchObject({
        status: 200,
        headers: { "cache-control": "public, max-age=31536000, immutable" },
        text: Buffer.from(manifest.bytes).toString(),
      });
    }
  });

  it("answers 304 to a client that has the manifest", async () => {
    await using registry = await testRegistry({ build });
    const headers = { "if-none-match": `"${manifest.digest}"` };
    const answer = await registry.ask(path, { headers });
    expect(answer).toMatchObject({ status: 304, text: "" });
    expect(answer.headers).not.toHaveProperty("content-length");
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
    expect(problemOf(last)).toMatchObject({ code: "TOOMANYREQUESTS" });
    expect(problemOf(last).message).toMatch(
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

  it("goes on with a build whose client went away", async () => {
    const started = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    await using registry = await testRegistry({
      build: async () => {
        started.resolve();
        await finish.promise;
        return ready("git");
      },
    });
    const gone = new AbortController();
    const first = registry.ask(path, { signal: gone.signal });
    await started.promise;
    gone.abort();
    await first;
    finish.resolve();
    expect(await registry.ask(path)).toMatchObject({ status: 200 });
    expect(registry.jobs.filter(({ kind }) => kind === "build")).toHaveLength(1);
  });

  it("tells a person why an image cannot be had, with the end of the log, and remembers it", async () => {
    const log = ["compiling", "fatal: out of flux"];
    await using registry = await testRegistry({
      build: async () => failed({ message: "git does not build", log }),
    });
    const answer = await registry.ask(path);
    expect(answer).toMatchObject({ status: 404, headers: { "cache-control": "no-store" } });
    expect(problemOf(answer)).toEqual({
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
    expect(problemOf(answer).message).toBe("the disk is full");
    await registry.ask(path);
    expect(registry.jobs.filter(({ kind }) => kind === "build")).toHaveLength(2);
  });

  it.each([
    ["/v2/git/manifests/.odd", 404, "MANIFEST_UNKNOWN"],
    ["/v2/git/manifests/", 404, "MANIFEST_UNKNOWN"],
    [`/v2/git/manifests/${"t".repeat(129)}`, 404, "MANIFEST_UNKNOWN"],
    [`/v2/git/manifests/sha256-${"a".repeat(64)}`, 404, "MANIFEST_UNKNOWN"],
    [`/v2/git/manifests/sha256-${"a".repeat(64)}.sig`, 404, "MANIFEST_UNKNOWN"],
    [`/v2/git/manifests/sha256-${"a".repeat(64)}.att`, 404, "MANIFEST_UNKNOWN"],
    ["/v2/git/manifests/sha256:baddigeststring", 400, "DIGEST_INVALID"],
    [`/v2/git/manifests/sha256:${"a".repeat(64)}`, 404, "MANIFEST_UNKNOWN"],
    [`/v2/git/manifests/sha512:${"a".repeat(128)}`, 404, "MANIFEST_UNKNOWN"],
    ["/v2/Git/manifests/latest", 400, "NAME_INVALID"],
    ["/v2/GIT/tags/list", 400, "NAME_INVALID"],
    ["/v2/git/blobs/sha256:x", 400, "DIGEST_INVALID"],
    [`/v2/git/blobs/sha256:${"a".repeat(64)}`, 404, "BLOB_UNKNOWN"],
    ["/v2/git/referrers/sha256:x", 400, "DIGEST_INVALID"],
    ["/status/nothing", 404, "MANIFEST_UNKNOWN"],
  ])("answers %s with %i %s, and starts nothing", async (odd, status, code) => {
    await using registry = await testRegistry({ build });
    const answer = await registry.ask(odd);
    expect(answer).toMatchObject({ status, headers: { "content-type": "application/json" } });
    expect(problemOf(answer).code).toBe(code);
    expect(registry.jobs).toEqual([]);
  });

  it("has tags for every name that can be pulled, and an index of referrers for every digest", async () => {
    await using registry = await testRegistry();
    expect(await registry.ask("/v2/shell/git/tags/list")).toMatchObject({
      status: 200,
      text: '{"name":"shell/git","tags":["latest"]}',
    });
    const referrers = await registry.ask(`/v2/git/referrers/${manifest.digest}`);
    expect(referrers.headers["content-type"]).toBe("application/vnd.oci.image.index.v1+json");
    expect(JSON.parse(referrers.text)).toMatchObject({ schemaVersion: 2, manifests: [] });
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

  it("serves a blob whole, in ranges, and its size to HEAD", async () => {
    await using registry = await testRegistry();
    const content = Buffer.from(Array.from({ length: 3000 }, (_, i) => i % 251));
    const { digest } = await registry.blobs.write(
      (async function* () {
        yield content;
      })(),
      new AbortController().signal,
    );
    const blob = `/v2/git/blobs/${digest}`;
    const ask = (range: string) => registry.ask(blob, { headers: { range } });
    expect(digestOf(content)).toBe(digest);
    expect(await registry.ask(blob)).toMatchObject({
      status: 200,
      text: content.toString(),
      headers: {
        "content-length": 3000,
        "accept-ranges": "bytes",
        "docker-content-digest": digest,
      },
    });
    expect(await registry.ask(blob, { method: "HEAD" })).toMatchObject({
      status: 200,
      text: "",
      headers: { "content-length": 3000 },
    });
    for (const [range, first, last] of [
      ["bytes=500-1499", 500, 1499],
      ["bytes=500-", 500, 2999],
      ["bytes=-500", 2500, 2999],
      ["bytes=2000-5000", 2000, 2999],
    ] as const) {
      expect(await ask(range), range).toMatchObject({
        status: 206,
        text: content.subarray(first, last + 1).toString(),
        headers: {
          "content-length": last - first + 1,
          "content-range": `bytes ${first}-${last}/3000`,
        },
      });
    }
    for (const range of ["bytes=500-0", "bytes=5000-10000"]) {
      expect(await ask(range), range).toMatchObject({
        status: 416,
        headers: { "content-range": "bytes */3000" },
      });
    }
    for (const range of ["bytes=0-1,5-6", "pages=1-2", "nonsense"]) {
      expect(await ask(range), range).toMatchObject({ status: 200 });
    }
  });
});
