import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { digestOf } from "../../core/digest.ts";
import { mediaTypes } from "../../core/manifest.ts";
import { problemOf } from "../support/pull.ts";
import { startPushClient, type PushClient } from "../support/push-client.ts";

// The first two workflows of the specification's conformance program, against the registry that it is run against.

const absent = digestOf("nobody pushed this");
let push: PushClient;
beforeAll(async () => {
  push = await startPushClient();
}, 60_000);
afterAll(async () => await push[Symbol.asyncDispose]());

describe("pull", { timeout: 60_000 }, () => {
  test.for(["HEAD", "GET"])(
    "%s of blobs, and of manifests by tag and by digest",
    async (method) => {
      const name = "conformance/pull";
      const layer = await push.blob(name, "a layer");
      const image = await push.image(name, "v1");
      expect(await push.status(method, `${name}/blobs/${absent}`)).toBe(404);
      expect(await push.status(method, `${name}/manifests/${absent}`)).toBe(404);
      expect(await push.status(method, `${name}/manifests/unknown`)).toBe(404);
      const blob = await push.ask(method, `${name}/blobs/${layer.digest}`);
      expect(blob.status).toBe(200);
      expect(blob.headers.get("docker-content-digest")).toBe(layer.digest);
      expect(await blob.text()).toBe(method === "GET" ? "a layer" : "");
      for (const reference of ["v1", image.digest]) {
        const answer = await push.ask(method, `${name}/manifests/${reference}`);
        expect(answer.status).toBe(200);
        expect(answer.headers.get("content-type")).toBe(mediaTypes.manifest);
        expect(answer.headers.get("docker-content-digest")).toBe(image.digest);
        expect(Number(answer.headers.get("content-length"))).toBe(image.size);
        expect((await answer.arrayBuffer()).byteLength).toBe(method === "GET" ? image.size : 0);
      }
    },
  );

  test("what is no name of a manifest is answered with an error in the form of the specification", async () => {
    const answer = await push.ask("GET", "conformance/pull/manifests/.INVALID_MANIFEST_NAME");
    expect(await problemOf(answer)).toMatchObject({ status: 404, code: "MANIFEST_UNKNOWN" });
  });
});

describe("push", { timeout: 60_000 }, () => {
  const name = "conformance/push";
  const text = "ten of these bytes come first, and then the others";
  const digest = digestOf(text);
  const chunks = [text.slice(0, 10), text.slice(10)] as const;

  async function begin(): Promise<string> {
    const answer = await push.ask("POST", `${name}/blobs/uploads/`);
    expect(answer.status).toBe(202);
    expect(answer.headers.get("docker-upload-uuid")).toMatch(/^[\w-]{36}$/);
    expect(Number(answer.headers.get("oci-chunk-min-length"))).toBeGreaterThan(0);
    return answer.headers.get("location") ?? "";
  }

  async function expectPulled(repository = name): Promise<void> {
    expect(await (await push.ask("GET", `${repository}/blobs/${digest}`)).text()).toBe(text);
  }

  const patch = async (location: string, body: string, range?: string) =>
    await push.ask("PATCH", location, {
      body,
      headers: range === undefined ? {} : { "content-range": range },
    });

  test("a blob in one POST, and only with its own digest", async () => {
    const upload = `conformance/once/blobs/uploads/?digest=`;
    const answer = await push.ask("POST", `${upload}${digest}`, { body: text });
    expect(answer.status).toBe(201);
    expect(answer.headers.get("location")).toBe(`/v2/conformance/once/blobs/${digest}`);
    await expectPulled("conformance/once");
    const other = await push.ask("POST", `${upload}${absent}`, { body: text });
    expect(await problemOf(other)).toMatchObject({ status: 400, code: "DIGEST_INVALID" });
    expect(await push.status("HEAD", `conformance/once/blobs/${absent}`)).toBe(404);
  });

  test("a blob in POST and PUT", async () => {
    const location = await begin();
    const wrong = await push.ask("PUT", `${location}?digest=latest`, { body: text });
    expect(await problemOf(wrong)).toMatchObject({ status: 400, code: "DIGEST_INVALID" });
    const answer = await push.ask("PUT", `${location}?digest=${digest}`, { body: text });
    expect(answer.status).toBe(201);
    expect(answer.headers.get("location")).toBe(`/v2/${name}/blobs/${digest}`);
    await expectPulled();
    expect(await push.status("PUT", `${location}?digest=${digest}`, { body: text })).toBe(404);
  });

  test("a blob in a stream, and in chunks that have to come in order", async () => {
    const streamed = await begin();
    const answer = await patch(streamed, text);
    expect([answer.status, answer.headers.get("range")]).toEqual([202, `0-${text.length - 1}`]);
    expect(await push.status("PUT", `${streamed}?digest=${digest}`)).toBe(201);

    const location = await begin();
    const second = `10-${text.length - 1}`;
    expect(
      await push.status("PATCH", location, {
        headers: { "content-range": second },
        body: chunks[1],
      }),
    ).toBe(416);
    expect((await patch(location, chunks[0], "0-9")).headers.get("range")).toBe("0-9");
    const repeated = await patch(location, chunks[0], "0-9");
    expect([repeated.status, repeated.headers.get("range")]).toEqual([416, "0-9"]);
    const asked = await push.ask("GET", location);
    expect([asked.status, asked.headers.get("range")]).toEqual([204, "0-9"]);
    expect((await patch(location, chunks[1], second)).status).toBe(202);
    expect(await push.status("PUT", `${location}?digest=${digest}`)).toBe(201);
    await expectPulled();
  });

  test("an upload that was given up is unknown", async () => {
    const location = await begin();
    expect(await push.status("DELETE", location)).toBe(204);
    expect(await problemOf(await push.ask("GET", location))).toMatchObject({
      status: 404,
      code: "BLOB_UPLOAD_UNKNOWN",
    });
  });

  test("a blob of another repository is mounted, or begins an upload where that has none", async () => {
    await push.blob("conformance/from", text);
    const mount = `conformance/to/blobs/uploads/?mount=${digest}&from=`;
    expect(await push.status("POST", `${mount}conformance/nowhere`)).toBe(202);
    expect(await push.status("HEAD", `conformance/to/blobs/${digest}`)).toBe(404);
    const answer = await push.ask("POST", `${mount}conformance/from`);
    expect(answer.status).toBe(201);
    expect(answer.headers.get("location")).toBe(`/v2/conformance/to/blobs/${digest}`);
    await expectPulled("conformance/to");
  });

  test("a manifest, once its blobs are there, under one tag or several", async () => {
    const config = await push.blob(name, "{}", mediaTypes.config);
    const layers = [{ ...config, digest: absent }];
    const document = { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers };
    const headers = { "content-type": mediaTypes.manifest };
    const put = { headers, body: JSON.stringify(document) };
    expect(await problemOf(await push.ask("PUT", `${name}/manifests/v1`, put))).toMatchObject({
      status: 404,
      code: "MANIFEST_BLOB_UNKNOWN",
    });
    for (const tag of ["v1", "v2", undefined]) {
      const { digest: own, answer } = await push.manifest(name, { config, layers: [] }, tag);
      expect(answer.headers.get("location")).toBe(`/v2/${name}/manifests/${tag ?? own}`);
      expect(await push.status("GET", `${name}/manifests/${tag ?? own}`)).toBe(200);
    }
  });

  test("a tag that is pushed again moves", async () => {
    const first = await push.image(name, "moves", "one");
    const second = await push.image(name, "moves", "two");
    const answer = await push.ask("HEAD", `${name}/manifests/moves`);
    expect(answer.headers.get("docker-content-digest")).toBe(second.digest);
    expect(await push.status("HEAD", `${name}/manifests/${first.digest}`)).toBe(200);
  });

  test.for([
    ["is no JSON", "{", mediaTypes.manifest],
    ["is another type than it says", `{"mediaType":"${mediaTypes.index}"}`, mediaTypes.manifest],
  ] as const)("a manifest that %s is refused", async ([, body, type]) => {
    const put = { body, headers: { "content-type": type } };
    expect(await problemOf(await push.ask("PUT", `${name}/manifests/bad`, put))).toMatchObject({
      status: 400,
      code: "MANIFEST_INVALID",
    });
  });
});
