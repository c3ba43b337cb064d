import { describe, expect, it } from "vitest";
import { ready } from "../support/builds.ts";
import { problem, problemIn } from "../support/problem.ts";
import { testRegistry } from "../support/registry.ts";

const build = async () => ready("git");
const hex = "a".repeat(64);
const encoded = (name: string) => encodeURIComponent(name).replaceAll("%2F", "/");

describe("a ping", () => {
  it.each(["/v2", "/v2/"])("is answered at %s without a look at any store", async (path) => {
    await using registry = await testRegistry();
    const { status, headers, text } = await registry.ask(path);
    expect({ status, text }).toEqual({ status: 200, text: "{}" });
    expect(headers).toMatchObject({
      "content-type": "application/json",
      "docker-distribution-api-version": "registry/2.0",
    });
    expect(registry.jobs).toEqual([]);
  });

  it("and everything else is for anonymous clients: no answer sends them to log in", async () => {
    await using registry = await testRegistry({ build });
    const paths = ["/v2/", "/v2/git/manifests/latest", "/v2/git/tags/list", "/v2/x/manifests/.y"];
    for (const path of [
      ...paths,
      `/v2/git/blobs/sha256:${hex}`,
      `/v2/git/referrers/sha256:${hex}`,
    ]) {
      for (const method of ["GET", "HEAD", "PUT"]) {
        const headers = { authorization: "Basic Og==" };
        const answer = await registry.ask(path, { method, headers });
        expect([401, 403]).not.toContain(answer.status);
        expect(answer.headers).not.toHaveProperty("www-authenticate");
      }
    }
  });
});

describe("a name", () => {
  it.each([
    "git",
    "a",
    "0",
    "a.b",
    "a_b",
    "a__b",
    "a-b",
    "a----b",
    "a/b/c",
    "a.b_c__d-e/0.1",
    "n".repeat(255),
  ])("by the grammar of the specification can be pulled: %s", async (name) => {
    await using registry = await testRegistry({ build });
    expect(await registry.ask(`/v2/${name}/manifests/latest`)).toMatchObject({ status: 200 });
  });

  it.each([
    "Git",
    "g++",
    "haskellPackages.lens",
    ".a",
    "a.",
    "a..b",
    "a___b",
    "a._b",
    "-a",
    "a-",
    "_a",
    "a//b",
    "a/-b",
    "a b",
    "ä",
    "../etc/passwd",
    "a\nb",
    "a\u0000b",
    "n".repeat(256),
  ])(
    "outside of it is 400 NAME_INVALID at every endpoint, and nothing is built: %j",
    async (name) => {
      await using registry = await testRegistry({ build });
      for (const end of [
        "manifests/latest",
        `manifests/sha256:${hex}`,
        `blobs/sha256:${hex}`,
        "tags/list",
        `referrers/sha256:${hex}`,
      ]) {
        const answer = await registry.ask(`/v2/${encoded(name)}/${end}`);
        expect(problemIn(answer), end).toEqual(problem(400, "NAME_INVALID"));
      }
      expect(registry.jobs).toEqual([]);
    },
  );

  it("that is longer than clients take, together with the host, is refused with what they count", async () => {
    await using registry = await testRegistry({ build });
    const answer = await registry.ask(`/v2/${"n".repeat(256)}/manifests/latest`);
    expect(problemIn(answer).message).toBe(
      "an image name has at most 255 characters, this one has 256; clients count the registry's host as well",
    );
  });
});

describe("a tag", () => {
  it.each(["latest", "_", "1", "A.b-c_d", "t".repeat(128)])(
    "by the grammar of the specification can be pulled: %s",
    async (tag) => {
      await using registry = await testRegistry({ build });
      expect(await registry.ask(`/v2/git/manifests/${tag}`)).toMatchObject({ status: 200 });
    },
  );

  it.each([".INVALID_MANIFEST_NAME", "-a", "a b", "a+b", "ä", "", "t".repeat(129)])(
    "outside of it is 404 MANIFEST_UNKNOWN, and nothing is built: %j",
    async (tag) => {
      await using registry = await testRegistry({ build });
      const answer = await registry.ask(`/v2/git/manifests/${encodeURIComponent(tag)}`);
      expect(problemIn(answer)).toEqual(problem(404, "MANIFEST_UNKNOWN"));
      expect(registry.jobs).toEqual([]);
    },
  );
});

describe("a digest", () => {
  const parts = ["manifests", "blobs"] as const;
  const codes = { manifests: "MANIFEST_UNKNOWN", blobs: "BLOB_UNKNOWN" };

  it.each([`sha256:${hex}`, `sha512:${hex}${hex}`])(
    "in the form of the specification may be unknown: 404 with the code of what was asked for: %s",
    async (digest) => {
      await using registry = await testRegistry({ build });
      for (const part of parts) {
        const answer = await registry.ask(`/v2/git/${part}/${digest}`);
        expect(problemIn(answer)).toEqual(problem(404, codes[part]));
      }
      expect(registry.jobs).toEqual([]);
    },
  );

  it.each([
    "sha256:baddigeststring",
    "sha256:",
    `sha256:${hex.toUpperCase()}`,
    `sha256:${hex}a`,
    `sha512:${hex}`,
    `SHA256:${hex}`,
    `md5:${hex}`,
    `:${hex}`,
  ])("in another form is 400 DIGEST_INVALID, and nothing is built: %s", async (digest) => {
    await using registry = await testRegistry({ build });
    for (const part of parts) {
      const answer = await registry.ask(`/v2/git/${part}/${digest}`);
      expect(problemIn(answer)).toEqual(problem(400, "DIGEST_INVALID"));
    }
    expect(registry.jobs).toEqual([]);
  });
});

describe("query parameters", () => {
  it("that are unknown change nothing", async () => {
    await using registry = await testRegistry({ build });
    const plain = await registry.ask("/v2/git/manifests/latest");
    for (const query of ["ns=docker.io", "foo=bar&foo=baz", "%", "wait=odd", "="]) {
      const { status, text } = await registry.ask(`/v2/git/manifests/latest?${query}`);
      expect({ status, text }, query).toEqual({ status: 200, text: plain.text });
    }
  });

  it("ns, which names the registry that this one stands in for, comes back as OCI-Namespace", async () => {
    await using registry = await testRegistry({ build });
    const namespaceOf = async (path: string) => (await registry.ask(path)).headers["oci-namespace"];
    for (const path of [
      "/v2/git/manifests/latest",
      "/v2/git/tags/list",
      `/v2/git/blobs/sha256:${hex}`,
      `/v2/git/referrers/sha256:${hex}`,
    ]) {
      expect(await namespaceOf(`${path}?ns=docker.io`)).toBe("docker.io");
      expect(await namespaceOf(`${path}?ns=localhost:5000`)).toBe("localhost:5000");
      expect(await namespaceOf(path)).toBeUndefined();
    }
    // What is no host is not sent back: it could not stand in a header.
    expect(await namespaceOf("/v2/git/tags/list?ns=a%0d%0ab%3A%20c")).toBeUndefined();
    expect(await namespaceOf("/v2/git/tags/list?ns=")).toBeUndefined();
  });
});

describe("methods", () => {
  it.each([
    ["POST", "/v2/git/blobs/uploads/"],
    ["PATCH", "/v2/git/blobs/uploads/1"],
    ["PUT", "/v2/git/blobs/uploads/1"],
    ["PUT", "/v2/git/manifests/latest"],
    ["DELETE", "/v2/git/manifests/latest"],
    ["DELETE", `/v2/git/blobs/sha256:${hex}`],
    ["DELETE", "/v2/git/blobs/uploads/1"],
    ["POST", "/v2/"],
    ["OPTIONS", "/anything"],
  ])(
    "that push or delete are 405 UNSUPPORTED, with what is allowed: %s %s",
    async (method, path) => {
      await using registry = await testRegistry({ build });
      const answer = await registry.ask(path, { method });
      expect(problemIn(answer)).toEqual(problem(405, "UNSUPPORTED", /for pulling/));
      expect(answer.headers["allow"]).toBe("GET, HEAD");
      expect(registry.jobs).toEqual([]);
    },
  );
});

describe("a path", () => {
  it.each([
    ["/v2/git", "NAME_UNKNOWN"],
    ["/v2/manifests/latest", "NAME_UNKNOWN"],
    ["/v2//manifests/latest", "NAME_UNKNOWN"],
    ["/v3/git/manifests/latest", "NAME_UNKNOWN"],
    ["/v2/git/signatures/latest", "NAME_UNKNOWN"],
    ["/favicon.ico", "NAME_UNKNOWN"],
    ["/status/nothing", "MANIFEST_UNKNOWN"],
  ])("that leads nowhere is 404, in the form of the specification: %s", async (path, code) => {
    await using registry = await testRegistry({ build });
    const answer = await registry.ask(path);
    expect(problemIn(answer)).toEqual(problem(404, code));
    expect(answer.headers["content-type"]).toBe("application/json");
    expect(registry.jobs).toEqual([]);
  });
});
