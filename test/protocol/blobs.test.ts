import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { digestOf } from "../../core/digest.ts";
import type { BlobStore } from "../../core/ports.ts";
import { problem, problemIn } from "../support/problem.ts";
import { testRegistry, type TestRegistry } from "../support/registry.ts";

const content = Buffer.from(Array.from({ length: 3000 }, (_, i) => i % 251));
const digest = digestOf(content);
const path = `/v2/git/blobs/${digest}`;

describe("a blob", () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await testRegistry();
    const bytes = (async function* () {
      yield content;
    })();
    await registry.blobs.write(bytes, new AbortController().signal);
  });
  afterAll(async () => {
    await registry[Symbol.asyncDispose]();
  });

  const whole = {
    status: 200,
    headers: {
      "content-type": "application/octet-stream",
      "content-length": 3000,
      "docker-content-digest": digest,
      "accept-ranges": "bytes",
      "cache-control": "public, max-age=31536000, immutable, no-transform",
    },
  };

  it("is 200 with its bytes, its length and its digest, under every name", async () => {
    for (const name of ["git", "some/other"]) {
      const answer = await registry.ask(`/v2/${name}/blobs/${digest}`);
      expect(answer).toMatchObject({ ...whole, text: content.toString() });
      expect(answer.headers).not.toHaveProperty("content-encoding");
    }
  });

  it("is 200 to HEAD with the same headers and no bytes", async () => {
    expect(await registry.ask(path, { method: "HEAD" })).toMatchObject({ ...whole, text: "" });
  });

  it("that is missing is 404 BLOB_UNKNOWN to GET and HEAD", async () => {
    for (const method of ["GET", "HEAD"]) {
      const answer = await registry.ask(`/v2/git/blobs/${digestOf("nothing")}`, { method });
      expect(problemIn(answer)).toEqual(problem(404, "BLOB_UNKNOWN"));
    }
  });

  it.each([
    ["bytes=500-1499", 500, 1499],
    ["bytes=500-", 500, 2999],
    ["bytes=-500", 2500, 2999],
    ["bytes=2000-5000", 2000, 2999],
    ["bytes=0-0", 0, 0],
    ["bytes=-9999", 0, 2999],
  ])("in the range %s is 206 with exactly bytes %i to %i", async (range, first, last) => {
    expect(await registry.ask(path, { headers: { range } })).toMatchObject({
      status: 206,
      text: content.subarray(first, last + 1).toString(),
      headers: {
        "content-length": last - first + 1,
        "content-range": `bytes ${first}-${last}/3000`,
        "docker-content-digest": digest,
      },
    });
  });

  it.each(["bytes=500-0", "bytes=3000-", "bytes=5000-10000", "bytes=-0"])(
    "has nothing in the range %s, which is 416 and says how long it is",
    async (range) => {
      const answer = await registry.ask(path, { headers: { range } });
      expect(problemIn(answer)).toEqual(problem(416, "SIZE_INVALID", /3000 bytes/));
      expect(answer.headers["content-range"]).toBe("bytes */3000");
    },
  );

  it.each(["bytes=0-1,5-6", "pages=1-2", "nonsense", "bytes=", "bytes=a-b", "bytes"])(
    "is 200 and whole for a range that nobody could mean, or several: %s",
    async (range) => {
      expect(await registry.ask(path, { headers: { range } })).toMatchObject(whole);
    },
  );

  it("is whole for a range of what another digest had, by If-Range", async () => {
    const ask = async (condition: string) =>
      await registry.ask(path, { headers: { range: "bytes=0-9", "if-range": condition } });
    expect(await ask(`"${digest}"`)).toMatchObject({ status: 206 });
    expect(await ask('"sha256:other"')).toMatchObject({ status: 200 });
  });
});

it("the head of a blob's answer does not wait for its bytes, however long the store takes for them", async () => {
  const size = 10_000_000_000;
  const refuse = () => Promise.reject(new Error("only bytes are asked for"));
  const blobs: BlobStore = {
    stat: async () => ({ size }),
    locate: async () => ({
      at: "here",
      size,
      async *open() {
        yield new Uint8Array(1);
        await new Promise(() => undefined);
      },
    }),
    read: refuse,
    write: refuse,
    isSound: refuse,
    hold: refuse,
  };
  await using registry = await testRegistry({ blobs });
  const answer = await registry.registry.answer({
    method: "GET",
    path,
    query: new URLSearchParams(),
    headers: {},
    signal: new AbortController().signal,
  });
  expect(answer).toMatchObject({ status: 200, headers: { "content-length": size } });
});
