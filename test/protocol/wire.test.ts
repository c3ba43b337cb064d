import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mediaTypes } from "../../core/manifest.ts";
import { manifestOf } from "../support/builds.ts";
import { problem, problemIn } from "../support/problem.ts";
import { exchange, rawRequest, type RawAnswer } from "../support/raw-http.ts";
import { blob, blobDigest, servers, type Served } from "../support/served.ts";

const manifest = manifestOf("git");
const byTag = "/v2/git/manifests/latest";
const byDigest = `/v2/git/manifests/${manifest.digest}`;
const blobPath = `/v2/git/blobs/${blobDigest}`;

const textOf = ({ status, body }: RawAnswer) => ({ status, text: body.toString() });

describe.each(Object.keys(servers))("over a socket, %s", (name) => {
  let served: Served;
  const ask = (method: string, path: string, headers: readonly string[] = []) =>
    rawRequest(served.port, method, path, headers);

  beforeAll(async () => {
    const start = servers[name];
    if (start === undefined) throw new Error(`there is no server "${name}"`);
    served = await start();
    // The first pull has it built; all that follows is of an image that is there.
    await ask("GET", byTag);
  });
  afterAll(async () => {
    await served[Symbol.asyncDispose]();
  });

  it.each(["/v2/", "/v2"])(
    "answers a ping at %s with {} and the old version header",
    async (path) => {
      const answer = await ask("GET", path);
      expect(answer).toMatchObject({
        status: 200,
        headers: {
          "content-type": ["application/json"],
          "content-length": ["2"],
          "docker-distribution-api-version": ["registry/2.0"],
        },
      });
      expect(answer.body.toString()).toBe("{}");
    },
  );

  it.each([byTag, byDigest])(
    "gives the exact bytes of a manifest, its digest, and its type without parameters: %s",
    async (path) => {
      for (let again = 0; again < 2; again++) {
        const answer = await ask("GET", path);
        expect(answer).toMatchObject({
          status: 200,
          headers: {
            "content-type": [mediaTypes.manifest],
            "content-length": [String(manifest.bytes.byteLength)],
            "docker-content-digest": [manifest.digest],
          },
        });
        expect(answer.body).toEqual(Buffer.from(manifest.bytes));
      }
    },
  );

  it.each([
    "/",
    "/v2/",
    byTag,
    `${byTag}?ns=docker.io`,
    byDigest,
    blobPath,
    "/v2/git/tags/list",
    `/v2/git/referrers/${manifest.digest}`,
    "/v2/gti/manifests/latest",
    "/v2/git/manifests/sha256:x",
    "/v2/Git/manifests/latest",
    "/nowhere",
  ])("answers HEAD with the status and headers of GET and not a byte more: %s", async (path) => {
    const [head, get] = [await ask("HEAD", path), await ask("GET", path)];
    const { date: _, ...headers } = get.headers;
    expect(head).toMatchObject({ status: get.status, headers });
    expect(head.body.byteLength).toBe(0);
    expect(head.headers["content-length"]).toEqual([String(get.body.byteLength)]);
  });

  it("gives a manifest by its digest as it is, whatever Accept says", async () => {
    for (const accept of [
      "*/*",
      `${mediaTypes.manifest}, */*`,
      "application/vnd.docker.distribution.manifest.list.v2+json",
      "application/vnd.docker.distribution.manifest.v1+prettyjws",
      "text/html;q=0.5",
    ]) {
      const answer = await ask("GET", byDigest, [`accept: ${accept}`]);
      expect(answer.headers["content-type"], accept).toEqual([mediaTypes.manifest]);
      expect(answer.body).toEqual(Buffer.from(manifest.bytes));
    }
  });

  it("never answers with schema 1, which no client needs", async () => {
    const schema1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    const answer = await ask("GET", byTag, [`accept: ${schema1}`]);
    expect(answer.headers["content-type"]?.join("")).not.toContain("manifest.v1+prettyjws");
  });

  it.each(["gzip", "zstd;q=1.0, gzip;q=0.8, deflate;q=0.5", "br, *"])(
    "never encodes a body for Accept-Encoding: %s",
    async (encoding) => {
      for (const path of [blobPath, byTag, byDigest, "/v2/git/tags/list"]) {
        const answer = await ask("GET", path, [`accept-encoding: ${encoding}`]);
        expect(answer.headers).not.toHaveProperty("content-encoding");
        expect(answer.headers).not.toHaveProperty("transfer-encoding");
        expect(answer.headers["content-length"]).toEqual([String(answer.body.byteLength)]);
      }
      const { body, headers } = await ask("GET", blobPath, [`accept-encoding: ${encoding}`]);
      expect(body).toEqual(blob);
      expect(headers["cache-control"]?.join("")).toContain("no-transform");
    },
  );

  it("resumes a blob where a connection was cut: 206 with exactly the rest", async () => {
    const answer = await ask("GET", blobPath, ["range: bytes=4000-"]);
    expect(answer).toMatchObject({
      status: 206,
      headers: {
        "content-range": [`bytes 4000-${blob.byteLength - 1}/${blob.byteLength}`],
        "content-length": [String(blob.byteLength - 4000)],
        "accept-ranges": ["bytes"],
      },
    });
    expect(answer.body).toEqual(blob.subarray(4000));
  });

  it("is the same to HTTP/1.0, to a whole URL as a proxy is sent, and to header names in any case", async () => {
    for (const request of [
      `GET ${byTag} HTTP/1.0\r\n\r\n`,
      `GET http://localhost${byTag} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      `GET ${byTag} HTTP/1.1\r\nHOST: localhost\r\nCONNECTION: close\r\nACCEPT: */*\r\n\r\n`,
    ]) {
      const answer = await exchange(served.port, request);
      expect(answer.status, request).toBe(200);
      expect(answer.body).toEqual(Buffer.from(manifest.bytes));
    }
    const { status } = await exchange(
      served.port,
      `GET ${blobPath} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nRANGE: bytes=0-0\r\n\r\n`,
    );
    expect(status).toBe(206);
  });

  it("refuses what is too long with 431 and what is no HTTP with 400, in the form of the specification", async () => {
    const long = await ask("GET", `/v2/${"a".repeat(20_000)}/manifests/latest`);
    expect(problemIn(textOf(long))).toEqual(problem(431, "UNSUPPORTED", /too long/));
    const odd = await exchange(served.port, "how do you do?\r\n\r\n");
    expect(problemIn(textOf(odd))).toEqual(problem(400, "UNSUPPORTED", /not HTTP/));
    expect(odd.headers["content-type"]).toEqual(["application/json"]);
  });

  it.each(["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])(
    "answers %s with 405, what is allowed, and the connection in order",
    async (method) => {
      const body = "x".repeat(10);
      const request = `${method} /v2/git/blobs/uploads/ HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n${body}`;
      const next = `GET /v2/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`;
      const answer = await exchange(served.port, request + next);
      expect(answer).toMatchObject({ status: 405, headers: { allow: ["GET, HEAD"] } });
      expect(answer.body.toString()).toMatch(
        /^\{"errors":\[\{"code":"UNSUPPORTED".*\}\]\}HTTP\/1\.1 200 OK/s,
      );
    },
  );
});
