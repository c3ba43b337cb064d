import { describe, expect, it } from "vitest";
import type { BuildKey } from "../../core/build-key.ts";
import type { BuildCache, Charged, QuotaClient, Quotas } from "../../core/ports.ts";
import { buildOf, failed, ready } from "../support/builds.ts";

export interface QuotasSetUp extends AsyncDisposable {
  readonly cache: BuildCache;
  /** Quotas as `FIRN_QUOTA` says them, as another process sees them each time. */
  quotas(text: string): Quotas;
  /** Moves the clock of all on. */
  advance(ms: number): void;
  readonly now: () => number;
}

export const alice: QuotaClient = { id: "user:alice", isAnonymous: false };
export const stranger: QuotaClient = { id: "192.0.2.7", isAnonymous: true };
const neighbour: QuotaClient = { id: "2001:db8:0:1::/64", isAnonymous: true };

function keyOf(name: string): BuildKey {
  return buildOf(name).key;
}

/** The build of a name that was never begun before. */
export function first(name: string) {
  return { key: keyOf(name), endedAt: 0 };
}

/** Charges so many builds of names that nobody else has; gives how many were charged. */
export async function chargeMany(
  quotas: Quotas,
  client: QuotaClient,
  count: number,
  names = "many",
): Promise<number> {
  let charged = 0;
  for (let i = 0; i < count; i++) {
    const answer = await quotas.charge(client, first(`${names}${i}`));
    if (answer.state === "charged") charged += 1;
  }
  return charged;
}

function refusedIn(charged: Charged) {
  if (charged.state !== "refused") throw new Error("it was charged");
  return charged;
}

function chargeIn(charged: Charged) {
  if (charged.state !== "charged") throw new Error(`it was refused: ${charged.quota}`);
  return charged.charge;
}

/** What every `Quotas` promises. */
export function quotasContract(adapter: string, setUp: () => Promise<QuotasSetUp>): void {
  const minute = 60_000;

  describe(`the quotas in ${adapter}`, () => {
    it("tell without a charge whom they have refused, until there is room again", async () => {
      await using set = await setUp();
      const quotas = set.quotas("client=2/minute");
      expect(quotas.refused(alice)).toBeUndefined();
      expect(await chargeMany(quotas, alice, 2)).toBe(2);
      const refused = refusedIn(await quotas.charge(alice, first("third")));
      expect(quotas.refused(alice)).toEqual(refused);
      expect(quotas.refused(stranger)).toBeUndefined();
      set.advance(refused.until - set.now());
      expect(quotas.refused(alice)).toBeUndefined();
    });

    it("charge a client up to its limit, and no other client for it", async () => {
      await using set = await setUp();
      const quotas = set.quotas("client=3/minute");
      expect(await chargeMany(quotas, stranger, 5)).toBe(3);
      expect(await chargeMany(quotas, neighbour, 5)).toBe(3);
      expect(await chargeMany(quotas, alice, 5)).toBe(3);
      expect(refusedIn(await quotas.charge(stranger, first("more")))).toMatchObject({
        quota: "3 new images a minute",
        whose: "192.0.2.7",
      });
    });

    it.each(["minute", "hour", "day"] as const)(
      "have room again when they say so, and not before, by the %s",
      async (window) => {
        await using set = await setUp();
        const quotas = set.quotas(`client=2/${window}`);
        const whole = { minute, hour: 60 * minute, day: 24 * 60 * minute }[window];
        await quotas.charge(stranger, first("one"));
        set.advance(whole / 2);
        await quotas.charge(stranger, first("two"));
        const { until } = refusedIn(await quotas.charge(stranger, first("three")));
        expect(until - set.now()).toBeGreaterThanOrEqual(whole / 2);
        expect(until - set.now()).toBeLessThanOrEqual(whole * (1 / 2 + 1 / 60));
        set.advance(until - set.now() - 1);
        expect(await quotas.charge(stranger, first("three"))).toMatchObject({ until });
        set.advance(1);
        expect(await quotas.charge(stranger, first("three"))).toMatchObject({ state: "charged" });
        expect(await quotas.charge(stranger, first("four"))).toMatchObject({ state: "refused" });
      },
    );

    it("charge once for a build that begins, by whichever processes it is asked for at once", async () => {
      await using set = await setUp();
      const [one, other] = [set.quotas("client=1/minute"), set.quotas("client=1/minute")];
      const begun = await one.charge(stranger, first("git"));
      expect(begun).toMatchObject({ state: "charged", isNew: true });
      const again = await other.charge(stranger, first("git"));
      expect(again).toEqual({ ...begun, isNew: false });
      await one.spend(chargeIn(begun), keyOf("git"), 1);
      expect(await other.charge(stranger, first("git"))).toMatchObject({ state: "refused" });
    });

    it("charge for a build again once it has ended, whether they were told so or not, or was never begun", async () => {
      await using set = await setUp();
      const text = "client=2/hour";
      await set.quotas(text).charge(stranger, first("git"));
      set.advance(1000);
      const again = { key: keyOf("git"), endedAt: set.now() - 1 };
      expect(await set.quotas(text).charge(stranger, again)).toMatchObject({ isNew: true });
      expect(await set.quotas(text).charge(stranger, again)).toMatchObject({ isNew: false });
      set.advance(30_000);
      expect(await set.quotas(text).charge(stranger, again)).toMatchObject({ state: "refused" });
    });

    it("give back what was not begun after all, once", async () => {
      await using set = await setUp();
      const text = "client=2/minute; all=2/minute";
      const quotas = set.quotas(text);
      const charge = chargeIn(await quotas.charge(stranger, first("git")));
      await quotas.refund(charge, keyOf("git"));
      await quotas.refund(charge, keyOf("git"));
      expect(await chargeMany(quotas, stranger, 5)).toBe(2);
    });

    it("do not give back what a build has cost that has ended by then", async () => {
      await using set = await setUp();
      const quotas = set.quotas("client=1/minute");
      const charge = chargeIn(await quotas.charge(stranger, first("git")));
      await quotas.spend(charge, keyOf("git"), 1);
      await quotas.refund(charge, keyOf("git"));
      expect(await chargeMany(quotas, stranger, 1)).toBe(0);
    });

    it("count look-ups with builds, and give them back", async () => {
      await using set = await setUp();
      const quotas = set.quotas("client=8 at once, 2/minute");
      const charge = chargeIn(await quotas.charge(stranger));
      await quotas.charge(stranger);
      expect(await quotas.charge(stranger, first("git"))).toMatchObject({ state: "refused" });
      await quotas.refund(charge);
      expect(await chargeMany(set.quotas("client=8 at once, 2/minute"), stranger, 2)).toBe(1);
    });

    it("count the seconds that builds took, when they end", async () => {
      await using set = await setUp();
      const quotas = set.quotas("client=100s/hour; all=1000s/hour");
      const charge = chargeIn(await quotas.charge(stranger, first("git")));
      await quotas.spend(charge, keyOf("git"), 60);
      expect(await quotas.charge(stranger, first("jq"))).toMatchObject({ state: "charged" });
      await quotas.spend(charge, keyOf("jq"), 60.5);
      const refused = refusedIn(await quotas.charge(stranger, first("htop")));
      expect(refused.quota).toBe("100 seconds of building an hour");
      expect(await quotas.charge(neighbour, first("htop"))).toMatchObject({ state: "charged" });
      set.advance(refused.until - set.now());
      expect(await quotas.charge(stranger, first("htop"))).toMatchObject({ state: "charged" });
    });

    it("hold all together to their limit, to the build, and tell the whole of it", async () => {
      await using set = await setUp();
      const text = "all=47/minute";
      const processes = Array.from({ length: 4 }, () => set.quotas(text));
      const answers: (Charged | undefined)[] = [];
      for (let i = 0; i < 60; i++) {
        const client = { id: `192.0.2.${i}`, isAnonymous: true };
        answers.push(await processes[i % 4]?.charge(client, first(`all${i}`)));
      }
      expect(answers.filter((answer) => answer?.state === "charged")).toHaveLength(47);
      expect(answers.at(-1)).toMatchObject({
        quota: "47 new images a minute",
        whose: "all together",
      });
      const { until } = refusedIn(await set.quotas(text).charge(stranger, first("git")));
      set.advance(until - set.now());
      expect(await set.quotas(text).charge(stranger, first("git"))).toMatchObject({
        state: "charged",
      });
    });

    it("leave room for who has signed in where all others have used theirs up", async () => {
      await using set = await setUp();
      const quotas = set.quotas("anonymous=4/minute; all=6/minute");
      expect(await chargeMany(quotas, stranger, 9)).toBe(4);
      expect(refusedIn(await quotas.charge(neighbour, first("git"))).whose).toBe(
        "all who have not signed in",
      );
      expect(await chargeMany(quotas, alice, 9)).toBe(2);
    });

    it("let a client have no more builds under way than it may, by what their records say", async () => {
      await using set = await setUp();
      const text = "client=2 at once";
      for (const name of ["git", "jq"]) {
        await set.quotas(text).charge(stranger, first(name));
        await set.cache.request(buildOf(name), "pull");
      }
      const refused = refusedIn(await set.quotas(text).charge(stranger, first("htop")));
      expect(refused.quota).toBe("2 new images at once");
      expect(refused.until - set.now()).toBe(10_000);
      expect(await set.quotas(text).charge(alice, first("htop"))).toMatchObject({
        state: "charged",
      });
      // It ends, and nobody tells the quotas: its worker was killed just then.
      const claimed = await set.cache.claim(keyOf("git"), "worker", minute);
      if (claimed.state !== "mine") throw new Error("it could not be claimed");
      await set.cache.settle(claimed.lease, failed());
      expect(await set.quotas(text).charge(stranger, first("htop"))).toMatchObject({
        state: "charged",
      });
    });

    it("count a build as under way whose record is about to be written, for half a minute", async () => {
      await using set = await setUp();
      const text = "client=1 at once";
      await set.quotas(text).charge(stranger, first("git"));
      expect(await set.quotas(text).charge(stranger, first("jq"))).toMatchObject({
        state: "refused",
      });
      set.advance(31_000);
      expect(await set.quotas(text).charge(stranger, first("jq"))).toMatchObject({
        state: "charged",
      });
    });

    it("have room for the next build as soon as one is spent", async () => {
      await using set = await setUp();
      const text = "client=1 at once";
      const charge = chargeIn(await set.quotas(text).charge(stranger, first("git")));
      await set.cache.request({ ...buildOf("git"), asker: { who: "anonymous", charge } }, "pull");
      const claimed = await set.cache.claim(keyOf("git"), "worker", minute);
      if (claimed.state !== "mine") throw new Error("it could not be claimed");
      await set.cache.settle(claimed.lease, ready("git"));
      const kept = claimed.record.asker?.charge;
      expect(kept).toEqual(charge);
      await set.quotas(text).spend(charge, keyOf("git"), 3);
      expect(await chargeMany(set.quotas(text), stranger, 2)).toBe(1);
    });
  });
}
