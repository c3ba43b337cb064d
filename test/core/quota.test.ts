import { array, assert, constantFrom, integer, property } from "fast-check";
import { describe, expect, it } from "vitest";
import { emptyLedger, entered, fullOf, pruned } from "../../core/ledger.ts";
import { sharesOf, shareOf } from "../../core/quota-account.ts";
import { parseQuota, windowNames, windows, type Limit } from "../../core/quota.ts";
import { quotaOf } from "../support/quota.ts";

describe("a quota", () => {
  it("is read of a client, of those who have not signed in, and of all", () => {
    expect(
      parseQuota("client=8 at once, 20/minute, 7200s/day; anonymous=30/minute; all = 600/hour"),
    ).toEqual({
      atOnce: 8,
      client: [
        { most: 20, unit: "builds", window: "minute" },
        { most: 7200, unit: "seconds", window: "day" },
      ],
      anonymous: [{ most: 30, unit: "builds", window: "minute" }],
      all: [{ most: 600, unit: "builds", window: "hour" }],
    });
    expect(parseQuota("all=1/day")).toMatchObject({ atOnce: Infinity, client: [] });
    expect(parseQuota("off")).toBeUndefined();
  });

  it.each([
    ["", /^it is empty: write quotas such as "client=/],
    ["20/minute", /^"20\/minute" begins with none of client=, anonymous= and all=/],
    ["client=0/minute", /^"0\/minute" is no quota: write a number above 0/],
    ["client=20/second", /^"20\/second" is no quota: .*minute, hour and day are known$/],
    ["client=20/minute,", /^"" is no quota/],
    ["client=1.5/minute", /^"1\.5\/minute" is no quota/],
    ["all=8 at once", /^"8 at once" is for client alone: all takes numbers a minute/],
    ["all=1/day; all=2/day", /says twice what it is for/],
  ])("that is written %j is refused, and what would be understood is said", (text, message) => {
    expect(() => parseQuota(text)).toThrow(message);
  });
});

/** Charges after each pause where there is room; of the others, what is said of when there will be. */
function simulate(limit: Limit, pauses: readonly number[], scale: number) {
  const charged: number[] = [];
  const refused: { roomIn: number; roomNow: boolean; roomJustBefore: boolean }[] = [];
  let ledger = emptyLedger;
  let now = 1_000_000_000;
  const hasRoom = (at: number) => fullOf(ledger, [limit], at) === undefined;
  for (const pause of pauses) {
    now += pause * scale;
    const full = fullOf(ledger, [limit], now);
    if (full === undefined) {
      ledger = entered(pruned(ledger, now), now, 1, 0);
      charged.push(now);
      continue;
    }
    const roomIn = full.until - (charged.at(-limit.most) ?? NaN);
    const roomJustBefore = hasRoom(full.until - 1);
    refused.push({ roomIn, roomNow: hasRoom(full.until), roomJustBefore });
  }
  return { charged, refused };
}

describe("a ledger", () => {
  const charges = array(integer({ min: 0, max: 40_000 }), { minLength: 1, maxLength: 60 });

  it("lets no window, wherever it begins, have more than its limit, and is right about when there is room", () => {
    assert(
      property(
        constantFrom(...windowNames),
        integer({ min: 1, max: 5 }),
        charges,
        (window, most, pauses) => {
          const scale = windows[window] / 60_000;
          const { charged, refused } = simulate({ most, unit: "builds", window }, pauses, scale);
          const windowsOfOneMore = charged.slice(most).map((last, i) => last - (charged[i] ?? NaN));
          expect(windowsOfOneMore.every((span) => span > windows[window])).toBe(true);
          for (const { roomIn, roomNow, roomJustBefore } of refused) {
            expect(roomIn).toBeLessThanOrEqual(windows[window] * (1 + 1 / 60));
            expect([roomJustBefore, roomNow]).toEqual([false, true]);
          }
        },
      ),
    );
  });

  it("stays small, whatever is charged", () => {
    let ledger = emptyLedger;
    for (let now = 1_000_000_000; now < 1_000_000_000 + 3 * windows.day; now += 20_011) {
      ledger = entered(pruned(ledger, now), now, 1, 12);
    }
    expect(JSON.stringify(ledger).length).toBeLessThan(5000);
  });
});

it.each([
  ["all=60/minute, 600/hour", 15],
  ["anonymous=9/minute; all=600/minute", 2],
  ["all=100000/day", 16],
  ["all=1/minute", 1],
  ["all=3600s/hour", 16],
])("the shares of %s are its whole, to the build", (text, count) => {
  const quota = quotaOf(text);
  const shares = sharesOf(quota);
  expect(shares).toBe(count);
  const each = Array.from({ length: shares }, (_, share) => shareOf(quota, share, shares));
  for (const scope of ["anonymous", "all"] as const) {
    for (const [i, limit] of quota[scope].entries()) {
      const parts = each.map((share) => share[scope][i]?.most ?? NaN);
      expect(parts.reduce((a, b) => a + b)).toBeCloseTo(limit.most, 6);
      expect(Math.min(...parts)).toBeGreaterThan(0);
    }
  }
});
