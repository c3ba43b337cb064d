import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { heldBuilds, openWith } from "../support/quota-registry.ts";

describe("who had a build begun", () => {
  it("is said in the log, with what was built and why, and the key that its end has", async () => {
    await using set = await openWith("client=5/day");
    await set.pull("git");
    const [record] = await set.cache.recent(1);
    const begun = set.events.filter(({ fields }) => fields?.["event"] === "build-begun");
    expect(begun).toMatchObject([
      {
        severity: "INFO",
        message: "building amd64/git for anonymous at 192.0.2.7",
        fields: {
          why: "pull",
          lane: "pull",
          who: "anonymous",
          address: "192.0.2.7",
          key: record?.key,
        },
      },
    ]);
  });

  it("is known to the worker, and to nobody who asks how far it is, nor once it has ended", async () => {
    const { worker, finish } = heldBuilds();
    await using set = await openWith("client=5/day", worker);
    await set.pull("git");
    const [record] = await set.cache.recent(1);
    expect(record?.asker).toMatchObject({
      who: "anonymous",
      address: "192.0.2.7",
      charge: { client: { id: "192.0.2.7", isAnonymous: true } },
    });
    for (const where of ["/status", `/status/${record?.key}`]) {
      const { status, text } = await set.ask(where);
      expect(status).toBe(200);
      expect(text).not.toMatch(/192\.0\.2|asker/);
    }
    finish();
    await eventually("it is built", async () => (await set.pull("git")).status === 200);
    expect((await set.cache.recent(1))[0]).not.toHaveProperty("asker");
  });
});
