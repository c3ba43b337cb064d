import { describe, expect, it } from "vitest";
import { digestOf, hexOf } from "../../../core/digest.ts";
import { digest, hello, name, never, once, openBlobs, staged, urlOf } from "../../support/blobs.ts";

describe.concurrent("the URLs of blobs", () => {
  it("stores for ever what never changes", async () => {
    await using set = await openBlobs();
    for (const options of [{}, staged]) {
      const bytes = Buffer.from(JSON.stringify(options));
      const stored = await set.connect(options).write(once(bytes), never);
      const response = await fetch(await urlOf(set.store, stored.digest), { method: "HEAD" });
      expect(Object.fromEntries(response.headers)).toMatchObject({
        "cache-control": "public, max-age=31536000, immutable, no-transform",
        "content-type": "application/octet-stream",
        "x-goog-meta-sha256": hexOf(stored.digest),
      });
    }
  });

  it("signs the same URL in every instance, for ten minutes", async () => {
    let now = Math.floor(Date.now() / 600_000) * 600_000 + 1000;
    await using set = await openBlobs({ now: () => now }, { now: () => now });
    await set.store.write(once(), never);
    const url = await urlOf(set.store);
    expect(new URL(url).searchParams.get("X-Goog-Expires")).toBe("1800");
    expect(await urlOf(set.connect())).toBe(url);
    now += 598_000;
    expect(await urlOf(set.store)).toBe(url);
    now += 2000;
    const next = await urlOf(set.store);
    expect(next).not.toBe(url);
    now += 1_198_000;
    expect((await fetch(url)).status).toBe(200);
    now += 2000;
    expect((await fetch(url)).status).toBe(400);
    expect((await fetch(next)).status).toBe(200);
    expect((await fetch(next.replace(hexOf(digest), hexOf(digestOf(""))))).status).toBe(403);
  });

  it("signs URLs of what is private for five minutes, and has three of them left at the least", async () => {
    // The window that is now: the client makes no URL that has lapsed by the machine's own clock.
    let now = Math.floor(Date.now() / 120_000) * 120_000 + 1000;
    await using set = await openBlobs({ now: () => now, isPrivate: true }, { now: () => now });
    await set.store.write(once(), never);
    const url = await urlOf(set.store);
    expect(new URL(url).searchParams.get("X-Goog-Expires")).toBe("300");
    now += 118_000;
    expect(await urlOf(set.store)).toBe(url);
    now += 2000;
    expect(await urlOf(set.store)).not.toBe(url);
    now += 178_000;
    expect((await fetch(url)).status).toBe(200);
    now += 2000;
    expect((await fetch(url)).status).toBe(400);
  });

  it("asks the bucket twice for five hundred clients of one blob, and then no more", async () => {
    await using set = await openBlobs();
    await set.store.write(once(), never);
    const asked = () => set.fake.requests.get("object.get") ?? 0;
    const before = asked();
    const all = await Promise.all(Array.from({ length: 500 }, () => urlOf(set.store)));
    expect(new Set(all).size).toBe(1);
    expect(asked() - before).toBeLessThanOrEqual(2);
    const after = asked();
    await urlOf(set.store);
    expect(asked()).toBe(after);
  });

  it("sends clients to a public URL, of blobs that are there", async () => {
    await using set = await openBlobs({}, { publicRead: true });
    const blobUrl = `${set.fake.url}/${set.bucketName}/`;
    const store = set.connect({ blobUrl });
    expect(await store.locate(digest)).toBeUndefined();
    await store.write(once(), never);
    expect(await urlOf(store)).toBe(`${blobUrl}${name}`);
    expect(await (await fetch(await urlOf(store))).text()).toBe(hello.toString());
  });
});
