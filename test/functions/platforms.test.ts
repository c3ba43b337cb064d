import { describe, expect, it } from "vitest";
import { digestOf } from "../../core/digest.ts";
import type { Image } from "../../core/image.ts";
import { failed, manifestOf, ready } from "../support/builds.ts";
import { testRegistry } from "../support/registry.ts";

const path = "/v2/git/manifests/latest";
const indexType = "application/vnd.oci.image.index.v1+json";
const manifestType = "application/vnd.oci.image.manifest.v1+json";
const nameOf = ({ architecture }: Image) => `git for ${architecture}`;
const both = {
  platforms: ["amd64", "arm64"] as const,
  build: async (_key: unknown, _report: unknown, image: Image) => ready(nameOf(image)),
};
const only = (accept: string) => ({ headers: { accept } });
const [amd64, arm64] = [manifestOf("git for amd64"), manifestOf("git for arm64")];

function entry({ digest, bytes }: typeof amd64, platform: object) {
  return { mediaType: manifestType, digest, size: bytes.byteLength, platform };
}

describe("a registry that serves several platforms", () => {
  it("answers a tag with an index of them, in a fixed order", async () => {
    await using registry = await testRegistry(both);
    const answer = await registry.ask(path);
    expect(answer).toMatchObject({
      status: 200,
      headers: { "content-type": indexType, "docker-content-digest": digestOf(answer.text) },
    });
    expect(answer.headers).not.toHaveProperty("warning");
    expect(JSON.parse(answer.text)).toEqual({
      schemaVersion: 2,
      mediaType: indexType,
      manifests: [
        entry(amd64, { architecture: "amd64", os: "linux" }),
        entry(arm64, { architecture: "arm64", os: "linux", variant: "v8" }),
      ],
    });
  });

  it("serves the index and each of its manifests by digest at once, whatever Accept says", async () => {
    await using registry = await testRegistry(both);
    const head = await registry.ask(path, { method: "HEAD" });
    const digests = [head.headers["docker-content-digest"], amd64.digest, arm64.digest];
    for (const digest of digests) {
      for (const accept of [manifestType, indexType, "text/html"]) {
        const answer = await registry.ask(`/v2/git/manifests/${digest}`, only(accept));
        expect(answer).toMatchObject({ status: 200 });
        expect(digestOf(answer.text)).toBe(digest);
      }
    }
  });

  it("answers who takes no index with the first platform, and builds no other for it", async () => {
    await using registry = await testRegistry(both);
    const answer = await registry.ask(path, only(manifestType));
    expect(answer.headers).toMatchObject({
      "content-type": manifestType,
      "docker-content-digest": amd64.digest,
      vary: "accept",
    });
    expect(registry.jobs.filter(({ kind }) => kind === "build")).toHaveLength(1);
    // Neither answer is kept for the other kind of client.
    for (const [accept, type] of [
      [indexType, indexType],
      [manifestType, manifestType],
      [indexType, indexType],
    ] as const) {
      const again = await registry.ask(path, only(accept));
      expect(again.headers["content-type"]).toBe(type);
      expect(registry.warm("GET", path, accept)?.headers["content-type"]).toBe(type);
    }
  });

  it("answers a name that says its platform with that one alone", async () => {
    await using registry = await testRegistry(both);
    for (const [name, { digest }] of [
      ["arm64/git", arm64],
      ["amd64/git", amd64],
    ] as const) {
      const answer = await registry.ask(`/v2/${name}/manifests/latest`, only(indexType));
      expect(answer.headers).toMatchObject({
        "content-type": manifestType,
        "docker-content-digest": digest,
      });
    }
  });

  it("serves the platform that can be built, and warns of the other with package and reason", async () => {
    const message = 'git-2.51 has to be built for "aarch64-linux",\nand nobody here can';
    await using registry = await testRegistry({
      ...both,
      build: async (_key, _report, image) =>
        image.architecture === "amd64" ? ready(nameOf(image)) : failed({ message }),
    });
    const answer = await registry.ask(path);
    expect(answer).toMatchObject({
      status: 200,
      headers: {
        "content-type": indexType,
        warning: `299 - "arm64: git-2.51 has to be built for 'aarch64-linux', and nobody here can"`,
      },
    });
    expect(JSON.parse(answer.text)).toMatchObject({ manifests: [{ digest: amd64.digest }] });
    const refused = await registry.ask("/v2/arm64/git/manifests/latest");
    expect(refused.status).toBe(404);
    expect(JSON.parse(refused.text)).toMatchObject({ errors: [{ message }] });
    // The next pull may find it built.
    expect(registry.warm("GET", path, undefined)).toBeUndefined();
  });

  it.each([
    ["says what is wrong with all of them once", "there is no package", undefined],
    ["says what is wrong with each", "it fails", "it fails otherwise"],
  ])("and can build none %s", async (_, message, other = message) => {
    await using registry = await testRegistry({
      ...both,
      build: async (_key, _report, { architecture }) =>
        failed({ message: architecture === "amd64" ? message : other }),
    });
    const { status, text } = await registry.ask(path);
    expect(status).toBe(404);
    const expected = other === message ? message : `amd64: ${message}\narm64: ${other}`;
    expect(JSON.parse(text)).toEqual({
      errors: [{ code: "MANIFEST_UNKNOWN", message: expected }],
    });
  });

  it("answers 503 where no platform is there and one of the failures is its own", async () => {
    await using registry = await testRegistry({
      ...both,
      build: async (_key, _report, { architecture }) =>
        architecture === "amd64" ? failed() : failed({ reason: "service", message: "disk full" }),
    });
    expect(await registry.ask(path)).toMatchObject({ status: 503 });
  });

  it("warnings of any length stay within what clients take", async () => {
    await using registry = await testRegistry({
      ...both,
      build: async (_key, _report, image) =>
        image.architecture === "arm64"
          ? ready(nameOf(image))
          : failed({ message: 'quote " and \\ and \u0007', log: Array(500).fill("a long line") }),
    });
    const { warning } = (await registry.ask(path)).headers;
    expect(String(warning)).toMatch(/^299 - "amd64: quote ' and ' and The last lines[ -~]*"$/);
    expect(Buffer.byteLength(String(warning))).toBeLessThanOrEqual(4096);
  });

  it("holds a pull until all are there, and sends it on with where to look", async () => {
    const finish = Promise.withResolvers<void>();
    await using registry = await testRegistry({
      ...both,
      holdMs: 200,
      build: async (_key, _report, image) => {
        if (image.architecture === "arm64") await finish.promise;
        return ready(nameOf(image));
      },
    });
    expect((await registry.ask(path)).status).toBe(307);
    const last = await registry.ask(`${path}?wait=9`);
    const { builds } = JSON.parse((await registry.ask("/status")).text) as {
      builds: { key: string; image: string }[];
    };
    const waited = builds.find(({ image }) => image === "arm64/git");
    expect(last.text).toContain(`/status/${waited?.key}`);
    finish.resolve();
    expect((await registry.ask(path)).status).toBe(200);
  });

  it("makes one build a platform of a hundred pulls at once", async () => {
    await using registry = await testRegistry(both);
    const answers = await Promise.all(Array.from({ length: 100 }, () => registry.ask(path)));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(registry.jobs.filter(({ kind }) => kind === "build")).toHaveLength(2);
  });
});
