import { describe, expect, it } from "vitest";
import { buildKey } from "../../core/build-key.ts";
import { parseImage } from "../../core/image.ts";
import {
  afterClaim,
  afterRequest,
  afterSettling,
  type BuildRecord,
  type Failure,
} from "../../core/record.ts";

const image = parseImage("git", "amd64");
const pin = { packageSet: "starter", revision: "r" };
const options = {
  layerBudget: 94,
  popularity: "",
  compression: "gzip",
  allowUnfree: false,
  grouping: "plan",
} as const;
const request = { key: buildKey(image, pin, options), image, pin };
const failure: Failure = { reason: "packages-unknown", message: "no such package", log: [] };

function queued(now: number): BuildRecord {
  return afterRequest(undefined, request, "pull", now).record;
}

describe("the record of a build", () => {
  it("is made by the first request and joined by the others", () => {
    const record = queued(1000);
    expect(record).toMatchObject({ state: "queued", requestedAt: 1000, attempt: 1 });
    expect(afterRequest(record, request, "pull", 2000)).toEqual({ outcome: "joined", record });
  });

  it("that was queued for nobody is promoted by the first who waits for it", () => {
    const { record } = afterRequest(undefined, request, "prebuild", 1000);
    expect(record).toMatchObject({ state: "queued", lane: "prebuild" });
    expect(afterRequest(record, request, "prebuild", 2000).outcome).toBe("joined");
    const promoted = afterRequest(record, request, "pull", 2000);
    expect(promoted).toEqual({ outcome: "promoted", record: { ...record, lane: "pull" } });
    expect(afterRequest(promoted.record, request, "pull", 3000).outcome).toBe("joined");
    const building = afterClaim(record, 4000);
    expect(afterRequest(building, request, "pull", 5000).outcome).toBe("joined");
  });

  it("remembers a failure of the asker's for a short, growing time", () => {
    let record = queued(0);
    const remembered: number[] = [];
    for (let attempt = 1; attempt <= 8; attempt++) {
      const failed = afterSettling(record, { state: "failed", failure }, 0);
      if (failed.state !== "failed") throw new Error("it should have failed");
      remembered.push(failed.retryAt / 1000);
      expect(afterRequest(failed, request, "pull", failed.retryAt - 1).outcome).toBe("joined");
      const again = afterRequest(failed, request, "pull", failed.retryAt);
      expect(again.record).toMatchObject({ state: "queued", attempt: attempt + 1 });
      record = again.record;
    }
    expect(remembered).toEqual([10, 20, 40, 80, 160, 320, 600, 600]);
  });

  it("remembers what was not allowed for a minute at the most, since it may be by then", () => {
    const refused = { ...queued(0), attempt: 9 };
    const settlement = {
      state: "failed",
      failure: { ...failure, reason: "not-allowed" },
    } as const;
    expect(afterSettling(refused, settlement, 5000)).toMatchObject({ retryAt: 65_000 });
  });

  it("does not remember a failure of ours", () => {
    const settlement = { state: "failed", failure: { ...failure, reason: "service" } } as const;
    expect(afterSettling(queued(0), settlement, 5000)).toMatchObject({ retryAt: 5000 });
  });
});
