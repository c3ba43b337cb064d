import { describe, expect, it } from "vitest";
import { digestOf } from "../../core/digest.ts";
import { imageDocuments } from "../../core/manifest.ts";
import { failed, manifestOf, ready } from "../support/builds.ts";
import { checkDocument } from "../support/oci-schema.ts";
import { problem, problemIn } from "../support/problem.ts";
import { testRegistry, type Answer } from "../support/registry.ts";

const path = "/v2/git/manifests/latest";
const build = async () => ready("git");
const manifest = manifestOf("git");
const text = Buffer.from(manifest.bytes).toString();
const clientBytes = 4_194_304;

describe("a manifest", () => {
  it.each(["GET", "HEAD"])(
    "that exists is 200 to %s, with its digest, its length, and its own media type without parameters",
    async (method) => {
      await using registry = await testRegistry({ build });
      for (const reference of ["latest", manifest.digest]) {
        const answer = await registry.ask(`/v2/git/manifests/${reference}`, { method });
        expect(answer).toMatchObject({
          status: 200,
          headers: {
            "content-type": "application/vnd.oci.image.manifest.v1+json",
            "content-length": manifest.bytes.byteLength,
            "docker-content-digest": manifest.digest,
          },
        });
      }
    },
  );

  it("says in its own words what Content-Type says, and is a manifest by its schema", async () => {
    await using registry = await testRegistry({ build });
    const answer = await registry.ask(path);
    expect(JSON.parse(answer.text)).toMatchObject({ mediaType: answer.headers["content-type"] });
    expect(() => checkDocument(String(answer.headers["content-type"]), answer.text)).not.toThrow();
  });

  it.each([
    ["a name that cannot be built", "/v2/gti/manifests/latest"],
    ["a tag that selects nothing", "/v2/git/manifests/nosuchtag"],
    ["a digest nobody has", `/v2/git/manifests/${digestOf("nothing")}`],
  ])("that is unknown is 404 MANIFEST_UNKNOWN: %s", async (_, unknown) => {
    await using registry = await testRegistry({
      build: async () => failed({ reason: "packages-unknown", message: "no package gti" }),
      pin: async (reference) => (reference === undefined ? "r1" : undefined),
    });
    const answer = await registry.ask(unknown);
    expect(problemIn(answer)).toEqual(problem(404, "MANIFEST_UNKNOWN"));
    expect(answer.headers["content-type"]).toBe("application/json");
  });

  it("is there by the digest that HEAD of its tag has announced, at once, under the same name and any other", async () => {
    await using registry = await testRegistry({ build });
    const { headers } = await registry.ask(path, { method: "HEAD" });
    for (const name of ["git", "some/other"]) {
      const answer = await registry.ask(
        `/v2/${name}/manifests/${headers["docker-content-digest"]}`,
      );
      expect(answer).toMatchObject({ status: 200, text });
    }
  });

  it("stays under its tag while it is pulled: a client that asks again in the middle gets the same", async () => {
    let moved = "r1";
    await using registry = await testRegistry({ build, pin: async () => moved });
    const before = await registry.ask(path);
    moved = "r2";
    for (let i = 0; i < 5; i++) {
      registry.advance(9000);
      expect(await registry.ask(path)).toMatchObject({ status: 200, text: before.text });
    }
  });

  it("is smaller than clients take, and so is the configuration, with 125 layers and all that a name can ask for", () => {
    const layers = Array.from({ length: 125 }, (_, i) => ({
      digest: digestOf(`layer ${i}`),
      size: Number.MAX_SAFE_INTEGER,
      diffId: digestOf(`tar ${i}`),
      comment: "store path ".repeat(100),
    }));
    const names = Array.from({ length: 128 }, (_, i) => `p${i}=1.${i}.0-unstable-2026-11-24`);
    const documents = imageDocuments(
      {
        architecture: "amd64",
        env: ["PATH=/bin", "LANG=C.UTF-8"],
        cmd: ["/bin/bash"],
        labels: { "firn.packages": names.join(" ") },
      },
      layers,
      "gzip",
    );
    expect(documents.manifest.bytes.byteLength).toBeLessThan(clientBytes);
    expect(documents.config.byteLength).toBeLessThan(clientBytes);
  });
});

describe("a manifest that the client has", () => {
  const etag = `"${manifest.digest}"`;

  it.each([etag, `W/${etag}`, `"sha256:other", ${etag}`, "*"])(
    "is 304 without a body for If-None-Match: %s",
    async (held) => {
      await using registry = await testRegistry({ build });
      for (const reference of ["latest", manifest.digest]) {
        const headers = { "if-none-match": held };
        const answer = await registry.ask(`/v2/git/manifests/${reference}`, { headers });
        expect(answer).toMatchObject({ status: 304, text: "", headers: { etag } });
        expect(answer.headers).not.toHaveProperty("content-length");
      }
    },
  );

  it.each(['"sha256:other"', manifest.digest, ""])("is another one for %s", async (held) => {
    await using registry = await testRegistry({ build });
    const answer = await registry.ask(path, { headers: { "if-none-match": held } });
    expect(answer).toMatchObject({ status: 200, text });
  });
});

describe("what may be kept", () => {
  const cacheOf = ({ headers }: Answer) => headers["cache-control"];

  it("is, for an hour, what is named by its digest", async () => {
    await using registry = await testRegistry({ build });
    await registry.ask(path);
    const answer = await registry.ask(`/v2/git/manifests/${manifest.digest}`);
    expect(cacheOf(answer)).toBe("public, max-age=3600, immutable");
  });

  it("is nothing that is named by a tag, and no list and no error", async () => {
    await using registry = await testRegistry({ build });
    for (const [asked, status] of [
      [path, 200],
      ["/v2/git/tags/list", 200],
      [`/v2/git/referrers/${manifest.digest}`, 200],
      ["/v2/git/manifests/.odd", 404],
      ["/v2/git/manifests/sha256:x", 400],
      [`/v2/git/blobs/${digestOf("nothing")}`, 404],
    ] as const) {
      const answer = await registry.ask(asked);
      expect(answer.status).toBe(status);
      expect(cacheOf(answer), asked).toBe("no-store");
    }
  });

  it("is no hop and no 429, which says when to come again; a hop has no host, so that none can be taken for another's", async () => {
    await using registry = await testRegistry({ deaf: true, holdMs: 10 });
    const hop = await registry.ask(path);
    expect(hop).toMatchObject({ status: 307, headers: { location: `${path}?wait=1` } });
    expect(cacheOf(hop)).toBe("no-store");
    const later = await registry.ask(`${path}?wait=9`);
    expect(problemIn(later)).toEqual(problem(429, "TOOMANYREQUESTS"));
    expect(later.headers).toMatchObject({ "cache-control": "no-store", "retry-after": "5" });
  });
});
