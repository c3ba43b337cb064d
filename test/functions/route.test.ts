import { describe, expect, it } from "vitest";
import { parseRoute } from "../../functions/route.ts";

const hex = "a".repeat(64);

describe("a path", () => {
  it.each([
    ["/", { kind: "greeting" }],
    ["/v2", { kind: "base" }],
    ["/v2/", { kind: "base" }],
    ["/v2/git/manifests/latest", { kind: "manifest-by-tag", name: "git", tag: "latest" }],
    ["/v2/a/b/manifests/v1.2", { kind: "manifest-by-tag", name: "a/b", tag: "v1.2" }],
    ["/v2/git/manifests/", { kind: "manifest-by-tag", name: "git", tag: "" }],
    [
      "/v2/manifests/blobs/manifests/tags",
      { kind: "manifest-by-tag", name: "manifests/blobs", tag: "tags" },
    ],
    [
      `/v2/git/manifests/sha256:${hex}`,
      { kind: "manifest-by-digest", name: "git", digest: `sha256:${hex}` },
    ],
    [`/v2/git/blobs/sha256:${hex}`, { kind: "blob", name: "git", digest: `sha256:${hex}` }],
    [`/v2/git/blobs/sha256%3A${hex}`, { kind: "blob", name: "git", digest: `sha256:${hex}` }],
    ["/v2/a/b/tags/list", { kind: "tags", name: "a/b" }],
    [
      `/v2/git/referrers/sha256:${hex}`,
      { kind: "referrers", name: "git", digest: `sha256:${hex}` },
    ],
    ["/status", { kind: "status" }],
    [`/status/${hex}`, { kind: "build-status", key: hex }],
  ])("%s is understood", (path, route) => {
    expect(parseRoute("GET", path)).toEqual(route);
    expect(parseRoute("HEAD", path)).toEqual(route);
  });

  it.each([
    "/v3/",
    "/v2/git",
    "/v2/git/tags/other",
    "/v2//manifests",
    "/favicon.ico",
    "/v2/_catalog",
  ])("%s leads nowhere", (path) => {
    expect(() => parseRoute("GET", path)).toThrow(
      expect.objectContaining({ status: 404, code: "NAME_UNKNOWN" }),
    );
  });

  it("is refused where its percent-encoding is broken", () => {
    expect(() => parseRoute("GET", "/v2/%ZZ/manifests/latest")).toThrow(
      expect.objectContaining({ status: 400, code: "NAME_INVALID" }),
    );
  });

  it.each(["PUT", "POST", "PATCH", "DELETE", "OPTIONS"])("is not for %s", (method) => {
    expect(() => parseRoute(method, "/v2/git/manifests/latest")).toThrow(
      expect.objectContaining({
        status: 405,
        code: "UNSUPPORTED",
        headers: { allow: "GET, HEAD" },
      }),
    );
  });
});
