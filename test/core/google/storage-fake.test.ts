import { expect, it } from "vitest";
import { Crc32c } from "../../../core/google/crc32c.ts";
import { openStorage } from "../../support/storage.ts";

const mebibyte = 1024 * 1024;
const hello = Buffer.from("hello, bucket");
// Not a whole number of chunks, and no two quanta of it alike.
const large = Buffer.from(
  Uint32Array.from({ length: 1_000_001 }, (_, i) => i * 2_654_435_761).buffer,
);

const code = (status: number) => expect.objectContaining({ code: status }) as Error;

it("counts CRC32C as the standard has it", () => {
  const crc = new Crc32c();
  crc.update(Buffer.from("1234"));
  crc.update(Buffer.from("56789"));
  expect(Buffer.from(crc.toString(), "base64").toString("hex")).toBe("e3069283");
});

it("makes buckets, once", async () => {
  await using set = await openStorage();
  const [bucket] = await set.storage.createBucket("made");
  expect(await bucket.exists()).toEqual([true]);
  expect(await set.storage.bucket("other").exists()).toEqual([false]);
  await expect(set.storage.createBucket("made")).rejects.toEqual(code(409));
  await expect(set.storage.bucket("other").file("a").save("a")).rejects.toEqual(code(404));
});

it.each([
  ["in one request", { resumable: false }],
  ["resumable, in one chunk", { resumable: true }],
  ["resumable, in many chunks", { resumable: true, chunkSize: mebibyte }],
])("takes an upload %s and gives it back", async (_, options) => {
  await using set = await openStorage();
  const file = set.bucket.file("a folder/ü.bin");
  await file.save(large, {
    ...options,
    metadata: { cacheControl: "no-store", metadata: { a: "b" } },
  });
  const [bytes] = await file.download();
  expect(bytes.equals(large)).toBe(true);
  const [metadata] = await file.getMetadata();
  expect(metadata).toMatchObject({
    name: "a folder/ü.bin",
    size: `${large.length}`,
    cacheControl: "no-store",
    contentType: "application/octet-stream",
    metadata: { a: "b" },
  });
  const [part] = await file.download({ start: 7, end: 11, validation: false });
  expect(part).toEqual(large.subarray(7, 12));
  expect(set.fake.uploading()).toEqual([]);
});

it("takes an empty object", async () => {
  await using set = await openStorage();
  await set.bucket.file("whole").save("", { resumable: false });
  await set.bucket.file("resumable").save("", { resumable: true });
  expect((await set.bucket.file("resumable").download())[0]).toHaveLength(0);
  expect(set.fake.names(set.bucketName)).toEqual(["resumable", "whole"]);
});

it.each([
  ["md5Hash", "AAAAAAAAAAAAAAAAAAAAAA=="],
  ["crc32c", "AAAAAA=="],
])("refuses an upload whose %s is wrong", async (name, value) => {
  await using set = await openStorage();
  const metadata = { [name]: value };
  for (const resumable of [true, false]) {
    const saving = set.bucket.file("a").save(hello, { resumable, validation: false, metadata });
    await expect(saving).rejects.toThrow(/doesn't match|status code 400|Upload failed/);
  }
  expect(set.fake.names(set.bucketName)).toEqual([]);
});

it("holds what is asked of generations", async () => {
  await using set = await openStorage();
  const file = set.bucket.file("a");
  const first = { ifGenerationMatch: 0 };
  await file.save("1", { resumable: false, preconditionOpts: first });
  await expect(file.save("2", { resumable: false, preconditionOpts: first })).rejects.toEqual(
    code(412),
  );
  await expect(file.save("2", { resumable: true, preconditionOpts: first })).rejects.toThrow(
    /412|pre-conditions/,
  );
  const [{ generation = 0 }] = await file.getMetadata();
  await file.save("2", { resumable: false, preconditionOpts: { ifGenerationMatch: generation } });
  const [replaced] = await file.getMetadata();
  expect(Number(replaced.generation)).toBeGreaterThan(Number(generation));
  await expect(file.delete({ ifGenerationMatch: generation })).rejects.toEqual(code(412));
  await expect(
    file.setMetadata({ contentType: "text/plain" }, { ifMetagenerationMatch: 7 }),
  ).rejects.toEqual(code(412));
  await file.setMetadata({ metadata: { a: "b" } }, { ifMetagenerationMatch: 1 });
  expect((await file.getMetadata())[0]).toMatchObject({
    metageneration: "2",
    metadata: { a: "b" },
  });
  const unchanged = `${set.fake.url}/storage/v1/b/${set.bucketName}/o/a?ifGenerationNotMatch=${replaced.generation}`;
  expect((await fetch(unchanged)).status).toBe(304);
  await file.delete();
  await expect(file.getMetadata()).rejects.toEqual(code(404));
});

it("moves and copies with what is said of the object", async () => {
  await using set = await openStorage();
  await set.bucket.file("a").save(hello, { resumable: false, metadata: { metadata: { of: "a" } } });
  await set.bucket.file("b").save("b", { resumable: false });
  const onto = (preconditionOpts: { ifGenerationMatch: number }) =>
    set.bucket.file("a").moveFileAtomic("b", { preconditionOpts });
  await expect(onto({ ifGenerationMatch: 0 })).rejects.toEqual(code(412));
  await set.bucket.file("a").moveFileAtomic("c", { preconditionOpts: { ifGenerationMatch: 0 } });
  await set.bucket.file("c").copy("d");
  expect(set.fake.names(set.bucketName)).toEqual(["b", "c", "d"]);
  for (const name of ["c", "d"]) {
    const [bytes] = await set.bucket.file(name).download();
    expect(bytes).toEqual(hello);
    expect((await set.bucket.file(name).getMetadata())[0].metadata).toEqual({ of: "a" });
  }
  await expect(set.bucket.file("a").moveFileAtomic("e")).rejects.toEqual(code(404));
});

it("lists by prefix, page after page", async () => {
  await using set = await openStorage();
  for (const name of ["a/1", "a/2", "a/3", "b/1"]) await set.bucket.file(name).save(name);
  const query = { prefix: "a/", maxResults: 2, autoPaginate: false };
  const [first, next] = await set.bucket.getFiles(query);
  expect(first.map(({ name }) => name)).toEqual(["a/1", "a/2"]);
  const [second, end] = await set.bucket.getFiles(next as typeof query);
  expect(second.map(({ name }) => name)).toEqual(["a/3"]);
  expect(end).toBeNull();
});

it("gives objects to those who have a signed URL, with the headers of Cloud Storage", async () => {
  let now = Date.now();
  await using set = await openStorage({ now: () => now });
  const file = set.bucket.file("a folder/ü+.bin");
  const cacheControl = "public, max-age=31536000, immutable";
  await file.save(hello, { resumable: false, metadata: { cacheControl } });
  const [url] = await file.getSignedUrl({ version: "v4", action: "read", expires: now + 60_000 });
  const got = await fetch(url);
  expect(Buffer.from(await got.arrayBuffer())).toEqual(hello);
  const [{ generation }] = await file.getMetadata();
  expect(Object.fromEntries(got.headers)).toMatchObject({
    "accept-ranges": "bytes",
    "cache-control": cacheControl,
    "content-length": `${hello.length}`,
    "content-type": "application/octet-stream",
    etag: expect.stringMatching(/^"[0-9a-f]{32}"$/) as string,
    "x-goog-generation": generation,
    "x-goog-hash": expect.stringMatching(/^crc32c=.{8},md5=.{24}$/) as string,
  });
  const head = await fetch(url, { method: "HEAD" });
  expect(head.headers.get("content-length")).toBe(`${hello.length}`);
  const range = await fetch(url, { headers: { range: "bytes=7-" } });
  expect([range.status, await range.text()]).toEqual([206, "bucket"]);
  expect((await fetch(url, { headers: { range: "bytes=99-" } })).status).toBe(416);

  const refused = async (target: string, method = "GET") => {
    const response = await fetch(target, { method });
    return [response.status, /<Code>(\w+)/.exec(await response.text())?.[1]];
  };
  expect(await refused(url.replace("folder", "file"))).toEqual([403, "SignatureDoesNotMatch"]);
  expect(await refused(url.replace("Expires=60", "Expires=600"))).toEqual([
    403,
    "SignatureDoesNotMatch",
  ]);
  expect(await refused(url.split("?")[0] ?? "")).toEqual([403, "AccessDenied"]);
  expect((await refused(url, "PUT"))[0]).toBe(501);
  await file.delete();
  expect(await refused(url)).toEqual([404, "NoSuchKey"]);
  now += 61_000;
  expect(await refused(url)).toEqual([400, "ExpiredToken"]);
});

it("does not take a URL that somebody else signed", async () => {
  await using set = await openStorage();
  await using other = await openStorage();
  await set.bucket.file("a").save(hello, { resumable: false });
  const file = other.storage.bucket(set.bucketName).file("a");
  const [url] = await file.getSignedUrl({
    version: "v4",
    action: "read",
    expires: Date.now() + 60_000,
  });
  expect((await fetch(url.replace(other.fake.url, set.fake.url))).status).toBe(403);
});
