import { describe, expect, it } from "vitest";
import { digestOf } from "../../core/digest.ts";
import { planId } from "../../core/layer-plans.ts";
import { selectRevision } from "../../core/package-set.ts";
import { options } from "../support/builds.ts";
import { latest, maintained } from "../support/maintained.ts";

describe("layer plans", () => {
  const selection = selectRevision(latest, "latest");
  const pinId = selection.kind === "reference" ? selection.pinId : "";
  const id = planId("git+https://example.com/p", "amd64", options.layerBudget);
  const at = (revision: string) => ({
    kind: "plan",
    packageSet: "git+https://example.com/p",
    revision,
    architecture: "amd64",
  });
  const day = 24 * 60 * 60_000;

  /** Where `latest` stands, and somebody pulled by it. */
  async function pulled(more: Parameters<typeof maintained>[0] = {}) {
    const set = await maintained(more);
    await set.pulls.note(pinId, "amd64/git", set.now());
    const stand = async (revision: string) => {
      const { version = 0 } = (await set.pins.read(pinId)) ?? {};
      const current = { revision, resolvedAt: set.now() };
      await set.pins.replace(pinId, version, { reference: "main", askedAt: 1, current });
    };
    const learn = async (revision: string) => {
      const { version = 0, askedAt = 0 } = (await set.plans.read(id)) ?? {};
      const current = { digest: digestOf(revision), revision, learnedAt: set.now() };
      await set.plans.replace(id, version, { askedAt, current });
    };
    await stand("r1");
    return { ...set, stand, learn };
  }

  it("are asked for once a day until one is there, where nobody waits", async () => {
    await using set = await pulled();
    for (let i = 0; i < 3; i++) await set.maintain();
    expect(set.published.prebuild).toEqual([at("r1")]);
    expect(set.published.pull).toEqual([]);
    set.advance(day);
    await set.stand("r1");
    await set.maintain();
    expect(set.published.prebuild).toEqual([at("r1"), at("r1")]);
    await set.learn("r1");
    set.advance(day);
    await set.stand("r1");
    await set.maintain();
    expect(set.published.prebuild).toHaveLength(2);
  });

  it("are learned anew where the tag has moved, a day after the last one at the earliest", async () => {
    await using set = await pulled();
    await set.maintain();
    await set.learn("r1");
    await set.stand("r2");
    await set.maintain();
    expect(set.published.prebuild).toEqual([at("r1")]);
    set.advance(day);
    await set.stand("r2");
    await set.maintain();
    expect(set.published.prebuild).toEqual([at("r1"), at("r2")]);
  });

  it("are not asked for before somebody pulls, nor where each image is grouped by itself", async () => {
    await using set = await maintained();
    const current = { revision: "r1", resolvedAt: set.now() };
    await set.pins.replace(pinId, 0, { reference: "main", askedAt: 1, current });
    await set.maintain();
    expect(set.published.prebuild).toEqual([]);
    await using other = await pulled({ grouping: "dominators" });
    await other.maintain();
    expect(other.published.prebuild).toEqual([]);
  });

  it("that got lost are said, and asked for at once, but not each minute", async () => {
    let isThere = true;
    const blobs = { stat: async () => (isThere ? { size: 1 } : undefined) };
    await using set = await pulled({ blobs });
    await set.maintain();
    await set.learn("r1");
    set.advance(10 * 60_000);
    await set.maintain();
    expect(set.published.prebuild).toHaveLength(1);
    isThere = false;
    await set.maintain();
    await set.maintain();
    expect(set.published.prebuild).toEqual([at("r1"), at("r1")]);
    expect(set.log).toContainEqual(
      `ERROR the layer plan ${digestOf("r1")} is lost, or damaged: it is made anew`,
    );
  });

  it("are asked for again where the job could not be published", async () => {
    let isOut = true;
    await using set = await pulled();
    const { queues } = set;
    const publish = queues.prebuild.publish.bind(queues.prebuild);
    queues.prebuild.publish = async (job) => {
      if (isOut) throw new Error("Pub/Sub is away");
      await publish(job);
    };
    await expect(set.maintain()).rejects.toThrow("maintenance was not complete");
    isOut = false;
    await set.maintain();
    expect(set.published.prebuild).toEqual([at("r1")]);
  });
});
