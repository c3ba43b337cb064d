import { describe, expect, it } from "vitest";
import { digestOf } from "../../core/digest.ts";
import { imageDocuments } from "../../core/manifest.ts";
import { digest, hello, never, once, openBlobs } from "../support/blobs.ts";
import { testRegistry } from "../support/registry.ts";

const path = `/v2/git/blobs/${digest}`;
// What an answer of Cloud Functions may have [https://cloud.google.com/functions/quotas].
const answerBytes = 32 * 1024 * 1024;

/** A registry over a bucket with one blob. */
async function openFront() {
  const set = await openBlobs();
  await set.store.write(once(), never);
  const registry = await testRegistry({ blobs: set.store });
  return {
    ...set,
    registry,
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]();
      await set[Symbol.asyncDispose]();
    },
  };
}

describe("in front of a bucket", () => {
  it("a blob is a redirect by 307 to where the bytes are, which keeps nothing of the client's and lasts longer than a download", async () => {
    await using front = await openFront();
    const answer = await front.registry.ask(path);
    expect(answer).toMatchObject({ status: 307, text: "", headers: { "content-length": 0 } });
    expect(answer.headers["cache-control"]).toBe("no-store");
    const url = new URL(String(answer.headers["location"]));
    expect(Number(url.searchParams.get("X-Goog-Expires"))).toBeGreaterThanOrEqual(1200);
    // Without a header that the client has to send along.
    expect(url.searchParams.get("X-Goog-SignedHeaders")).toBe("host");
    expect(await (await fetch(url)).text()).toBe(hello.toString());
  });

  it("a cut download is resumed where the redirect leads, by ranges", async () => {
    await using front = await openFront();
    const { headers } = await front.registry.ask(path, { headers: { range: "bytes=5-" } });
    const rest = await fetch(String(headers["location"]), { headers: { range: "bytes=5-" } });
    expect(rest.status).toBe(206);
    expect(await rest.text()).toBe(hello.subarray(5).toString());
  });

  it("HEAD of a blob is answered at once, since a signed URL is for one method", async () => {
    await using front = await openFront();
    expect(await front.registry.ask(path, { method: "HEAD" })).toMatchObject({
      status: 200,
      text: "",
      headers: { "content-length": hello.byteLength, "docker-content-digest": digest },
    });
  });

  it("the bytes come as they were stored, whatever encodings a client takes, and no proxy may change them", async () => {
    await using front = await openFront();
    const { headers } = await front.registry.ask(path);
    const answer = await fetch(String(headers["location"]), {
      headers: { "accept-encoding": "zstd;q=1.0, gzip;q=0.8, deflate;q=0.5" },
    });
    expect(answer.headers.get("content-encoding")).toBeNull();
    expect(answer.headers.get("cache-control")).toContain("no-transform");
    expect(Number(answer.headers.get("content-length"))).toBe(hello.byteLength);
  });

  it.each(["GET", "HEAD"])(
    "%s of a blob is right the first time when the bucket fails once",
    async (method) => {
      await using front = await openFront();
      for (const status of [429, 500, 503]) {
        await using another = await testRegistry({ blobs: front.connect() });
        front.fake.faults.add({ operation: "object.get", kind: "status", status });
        const answer = await another.ask(path, { method });
        expect(answer.status, String(status)).toBe(method === "GET" ? 307 : 200);
      }
    },
  );

  it("no answer comes near what the platform lets through: blobs are elsewhere, and the largest manifest is small", () => {
    const layers = Array.from({ length: 125 }, (_, i) => ({
      digest: digestOf(`layer ${i}`),
      size: Number.MAX_SAFE_INTEGER,
      diffId: digestOf(`tar ${i}`),
      comment: "",
    }));
    const config = { architecture: "amd64", env: [], cmd: undefined, labels: {} } as const;
    const { manifest } = imageDocuments(config, layers, "gzip");
    expect(manifest.bytes.byteLength * 100).toBeLessThan(answerBytes);
  });
});
