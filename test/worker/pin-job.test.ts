import { describe, expect, it } from "vitest";
import { digestOf } from "../../core/digest.ts";
import { planId } from "../../core/layer-plans.ts";
import type { Build } from "../../worker/build.ts";
import { options } from "../support/builds.ts";
import { startJobHandler } from "../support/job-handler.ts";

const mainId = JSON.stringify(["starter", "", "main"]);

describe("a reference that is looked up", () => {
  const asked = { reference: "main", askedAt: 1 };
  const pinJob = { kind: "pin", pinId: mainId } as const;
  const unbuilt: Build = () => Promise.reject(new Error("nothing is built here"));

  it("is written down, with where it stood before", async () => {
    let revision = "r1";
    await using set = await startJobHandler(unbuilt, async () => ({ state: "pinned", revision }));
    await set.pins.replace(mainId, 0, asked);
    await set.handle(pinJob);
    expect(await set.pins.read(mainId)).toMatchObject({ current: { revision: "r1" } });
    revision = "r2";
    await set.handle(pinJob);
    await set.handle(pinJob);
    expect(await set.pins.read(mainId)).toMatchObject({
      current: { revision: "r2" },
      previous: "r1",
    });
  });

  it("takes the plans that were learned last to where it moves, and keeps them there", async () => {
    let revision = "r1";
    await using set = await startJobHandler(unbuilt, async () => ({ state: "pinned", revision }));
    await set.pins.replace(mainId, 0, asked);
    await set.handle(pinJob);
    const learn = async (text: string) => {
      const id = planId("starter", "amd64", options.layerBudget);
      const { version = 0 } = (await set.plans.read(id)) ?? {};
      const current = { digest: digestOf(text), revision: "r1", learnedAt: 1 };
      await set.plans.replace(id, version, { askedAt: 1, current });
    };
    await learn("first");
    await set.handle(pinJob);
    // It stands where it stood, so that every image stays the same.
    expect((await set.pins.read(mainId))?.current).not.toHaveProperty("plans");
    revision = "r2";
    await set.handle(pinJob);
    const plans = { amd64: digestOf("first") };
    expect((await set.pins.read(mainId))?.current).toMatchObject({ revision: "r2", plans });
    await learn("second");
    await set.handle(pinJob);
    expect((await set.pins.read(mainId))?.current).toMatchObject({ revision: "r2", plans });
    // Whichever tag leads there, and also when it comes back.
    const other = JSON.stringify(["starter", "", "other"]);
    await set.pins.replace(other, 0, { ...asked, reference: "other" });
    await set.handle({ kind: "pin", pinId: other });
    expect((await set.pins.read(other))?.current).toMatchObject({ revision: "r2", plans });
    revision = "r1";
    await set.handle(pinJob);
    expect((await set.pins.read(mainId))?.current).not.toHaveProperty("plans");
  });

  it("that stood somewhere before there were plans stays without", async () => {
    await using set = await startJobHandler(unbuilt);
    const current = { revision: "r1", resolvedAt: 1 };
    await set.pins.replace(mainId, 0, { ...asked, current });
    const learned = { digest: digestOf("first"), revision: "r0", learnedAt: 1 };
    const id = planId("starter", "amd64", options.layerBudget);
    await set.plans.replace(id, 0, { askedAt: 1, current: learned });
    await set.handle(pinJob);
    expect((await set.pins.read(mainId))?.current).not.toHaveProperty("plans");
    expect(await set.plans.applied({ packageSet: "starter", revision: "r1" })).toEqual({});
  });

  it("keeps where it stood when it cannot be looked up, and says why", async () => {
    let isUp = true;
    await using set = await startJobHandler(unbuilt, async () => {
      if (!isUp) throw new Error("no network");
      return { state: "pinned", revision: "r1" };
    });
    await set.pins.replace(mainId, 0, asked);
    await set.handle(pinJob);
    isUp = false;
    await set.handle(pinJob);
    expect(await set.pins.read(mainId)).toMatchObject({
      current: { revision: "r1" },
      failure: { reason: "service", message: "no network" },
    });
    isUp = true;
    await set.handle(pinJob);
    expect(await set.pins.read(mainId)).not.toHaveProperty("failure");
  });

  it("that selects nothing is written down as that", async () => {
    await using set = await startJobHandler(unbuilt, async () => ({
      state: "revision-unknown",
      message: "no main",
    }));
    await set.pins.replace(mainId, 0, asked);
    await set.handle(pinJob);
    expect(await set.pins.read(mainId)).toMatchObject({
      failure: { reason: "revision-unknown", message: "no main" },
    });
  });
});
