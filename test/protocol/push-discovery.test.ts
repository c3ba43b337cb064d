import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { digestOf } from "../../core/digest.ts";
import { mediaTypes } from "../../core/manifest.ts";
import { startPushClient, type PushClient } from "../support/push-client.ts";

// The last two workflows of the specification's conformance program, against the registry that it is run against.

const absent = digestOf("nobody pushed this");
let push: PushClient;
beforeAll(async () => {
  push = await startPushClient();
}, 60_000);
afterAll(async () => await push[Symbol.asyncDispose]());

describe("content discovery", { timeout: 60_000 }, () => {
  test("tags are listed in order, in pages of n, after last", async () => {
    const name = "conformance/tags";
    for (const tag of ["test2", "test0", "test3", "TEST"]) await push.image(name, tag);
    const list = async (query: string) => {
      const answer = await push.ask("GET", `${name}/tags/list${query}`);
      const { tags } = (await answer.json()) as { tags: string[] };
      return { tags, link: answer.headers.get("link") };
    };
    const all = ["TEST", "test0", "test2", "test3"];
    expect(await list("")).toEqual({ tags: all, link: null });
    expect(await list("?n=0")).toEqual({ tags: [], link: null });
    const first = await list("?n=2");
    expect(first.tags).toEqual(all.slice(0, 2));
    const [, next = ""] = /^<([^>]+)>; rel="next"$/.exec(first.link ?? "") ?? [];
    const rest = (await (await push.ask("GET", next)).json()) as { tags: string[] };
    expect(rest.tags).toEqual(all.slice(2));
    expect((await list("?last=test2")).tags).toEqual(["test3"]);
    expect(await push.status("GET", "conformance/nothing/tags/list")).toBe(404);
  });

  test("what refers to a manifest is listed, also before it is there, and by type", async () => {
    const name = "conformance/referrers";
    const empty = await push.blob(name, "{}", "application/vnd.oci.empty.v1+json");
    const subject = await push.image(name, "subject");
    const refer = async (artifactType: string | undefined, to: string) => {
      const annotations = { of: artifactType ?? "the configuration" };
      const named = artifactType === undefined ? {} : { artifactType };
      const what = { ...subject, digest: to };
      const document = { ...named, config: empty, layers: [empty], subject: what, annotations };
      const { answer, ...pushed } = await push.manifest(name, document);
      expect(answer.headers.get("oci-subject")).toBe(to);
      return { ...pushed, artifactType: artifactType ?? empty.mediaType, annotations };
    };
    const list = async (of: string, query = "") => {
      const answer = await push.ask("GET", `${name}/referrers/${of}${query}`);
      expect(answer.headers.get("content-type")).toBe(mediaTypes.index);
      const { manifests } = (await answer.json()) as { manifests: unknown[] };
      return { manifests, filters: answer.headers.get("oci-filters-applied") };
    };
    expect(await list(subject.digest)).toEqual({ manifests: [], filters: null });
    const signature = await refer("application/x.signature", subject.digest);
    const other = await refer(undefined, subject.digest);
    expect((await list(subject.digest)).manifests).toEqual([signature, other]);
    const chosen = await list(subject.digest, "?artifactType=application/x.signature");
    expect(chosen).toEqual({ manifests: [signature], filters: "artifactType" });
    const early = await refer("application/x.early", absent);
    expect((await list(absent)).manifests).toEqual([early]);
    expect(await push.status("GET", `${name}/referrers/sha256:bad`)).toBe(400);
  });
});

describe("content management", { timeout: 60_000 }, () => {
  test("a tag that is deleted is gone, and its manifest is there", async () => {
    const name = "conformance/untag";
    const { digest } = await push.image(name, "v1");
    await push.image(name, "v2");
    expect(await push.status("DELETE", `${name}/manifests/v1`)).toBe(202);
    expect(await push.status("GET", `${name}/manifests/v1`)).toBe(404);
    expect(await push.status("GET", `${name}/manifests/${digest}`)).toBe(200);
    const { tags } = (await (await push.ask("GET", `${name}/tags/list`)).json()) as {
      tags: string[];
    };
    expect(tags).toEqual(["v2"]);
    expect(await push.status("DELETE", `${name}/manifests/v1`)).toBe(404);
    await push.image(name, "v1");
    expect(await push.status("GET", `${name}/manifests/v1`)).toBe(200);
  });

  test("a manifest that is deleted takes its tags with it; blobs stay until they are deleted", async () => {
    const name = "conformance/delete";
    const { digest } = await push.image(name, "v1");
    expect(await push.status("DELETE", `${name}/manifests/${digest}`)).toBe(202);
    for (const reference of [digest, "v1"]) {
      expect(await push.status("GET", `${name}/manifests/${reference}`)).toBe(404);
    }
    const blob = `${name}/blobs/${digestOf("a layer")}`;
    expect(await push.status("HEAD", blob)).toBe(200);
    expect(await push.status("DELETE", blob)).toBe(202);
    expect(await push.status("HEAD", blob)).toBe(404);
    expect(await push.status("DELETE", blob)).toBe(404);
  });
});
