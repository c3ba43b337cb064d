import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { startFirn, type Firn } from "../support/firn.ts";
import { writeUnbuiltPackageSet } from "../support/package-set.ts";
import { problemOf } from "../support/pull.ts";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";

// Pulls are held for a second here, so that a build of four seconds is a slow one.
const env = { FIRN_HOLD_SECONDS: "1", FIRN_LONG_HOLD_SECONDS: "1" };

let folder: TemporaryFolder;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

async function startUnbuilt(more: Readonly<Record<string, string>> = {}): Promise<Firn> {
  const packageSet = await writeUnbuiltPackageSet(folder.path);
  return await startFirn({ packageSet, env: { ...env, ...more } });
}

/** Follows redirects as clients do; gives the paths that were asked for, and the last response. */
async function follow(firn: Firn, path: string, method: "GET" | "HEAD") {
  const asked: string[] = [];
  for (let next = path; ;) {
    asked.push(next);
    const response = await firn.fetch(next, { method });
    if (response.status !== 307) return { asked, response };
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("content-length")).toBe("0");
    next = response.headers.get("location") ?? "";
  }
}

function startedBuilds(firn: Firn): number {
  return firn.log.filter(({ message }) => message.startsWith("building ")).length;
}

test("a pull whose build takes longer than the hold is sent round with ?wait, and ends with the image", async () => {
  await using firn = await startUnbuilt();
  const path = "/v2/slow/manifests/latest";
  const { asked, response } = await follow(firn, path, "GET");
  expect(response.status).toBe(200);
  expect(asked.length).toBeGreaterThanOrEqual(4);
  expect(asked).toEqual([path, ...asked.slice(1).map((_, i) => `${path}?wait=${i + 1}`)]);
  expect(startedBuilds(firn)).toBe(1);
});

test("HEAD is held and sent round like GET, and starts no second build", async () => {
  await using firn = await startUnbuilt();
  const path = "/v2/slow/manifests/latest";
  const [head, get] = await Promise.all([follow(firn, path, "HEAD"), follow(firn, path, "GET")]);
  expect(head.response.status).toBe(200);
  expect(head.asked.length).toBeGreaterThanOrEqual(4);
  expect(await head.response.text()).toBe("");
  for (const name of ["content-type", "content-length", "docker-content-digest", "etag"]) {
    expect(head.response.headers.get(name), name).toBe(get.response.headers.get(name));
  }
  const body = await get.response.arrayBuffer();
  expect(head.response.headers.get("content-length")).toBe(String(body.byteLength));
  expect(startedBuilds(firn)).toBe(1);
});

test("after nine hops a pull is told to come back, and where to see how far the build is", async () => {
  // On a busy machine it takes a while until it is known what is to be built.
  await using firn = await startUnbuilt({ FIRN_HOLD_SECONDS: "2", FIRN_LONG_HOLD_SECONDS: "2" });
  const { asked, response } = await follow(firn, "/v2/slowest/manifests/latest", "GET");
  expect(asked).toHaveLength(10);
  expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
  const { status, code, message } = await problemOf(response);
  expect({ status, code }).toEqual({ status: 429, code: "TOOMANYREQUESTS" });
  const build = await firn.build("slowest");
  expect(message).toContain(`${firn.host}/status/${build?.key}`);
  const seen = await (await firn.fetch(`/status/${build?.key}`)).json();
  expect(seen).toMatchObject({ state: "building", progress: { phase: "realising" } });
  expect(startedBuilds(firn)).toBe(1);
});

test("a client that goes away does not cancel the build", async () => {
  await using firn = await startUnbuilt();
  const client = new AbortController();
  const pulled = firn.manifest("slow", "latest", { signal: client.signal });
  await eventually("the build runs", async () => (await firn.build("slow"))?.state === "building");
  client.abort();
  await expect(pulled).rejects.toThrow(/abort/);
  await eventually("the image is there", async () => (await firn.build("slow"))?.state === "ready");
  expect((await firn.build("slow"))?.attempt).toBe(1);
});

test("the registry that a mirror stands for is ignored, and kept on the way round", async () => {
  await using firn = await startUnbuilt();
  const path = "/v2/slow/manifests/latest?ns=docker.io";
  const { asked, response } = await follow(firn, path, "GET");
  expect(response.status).toBe(200);
  expect(asked[1]).toBe(`${path}&wait=1`);
  expect((await firn.manifest("slow")).headers.get("etag")).toBe(response.headers.get("etag"));
});

test("tags of signatures and attestations, and digests, are not found at once and start nothing", async () => {
  await using firn = await startUnbuilt();
  const hex = "a".repeat(64);
  for (const reference of [
    `sha256-${hex}`,
    `sha256-${hex}.sig`,
    `sha256-${hex}.att`,
    `sha256-${hex}.sbom`,
    `sha256:${hex}`,
  ]) {
    const before = performance.now();
    const { status, code } = await problemOf(await firn.manifest("slow", reference));
    expect({ reference, status, code }).toEqual({
      reference,
      status: 404,
      code: "MANIFEST_UNKNOWN",
    });
    expect(performance.now() - before).toBeLessThan(1000);
  }
  expect(await firn.builds()).toEqual([]);
});
