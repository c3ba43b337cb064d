import { describe, expect, it } from "vitest";
import { digestOf } from "../../core/digest.ts";
import type { Plans } from "../../core/ports.ts";

/** What every `Plans` promises. */
export function plansContract(
  adapter: string,
  setUp: () => Promise<AsyncDisposable & { readonly plans: Plans }>,
): void {
  const [first, second] = [digestOf("first"), digestOf("second")];
  const pin = { packageSet: "starter", revision: "r1" };
  const current = { digest: first, revision: "r1", learnedAt: 7 };

  describe(`the layer plans in ${adapter}`, () => {
    it("have nothing where none was asked for", async () => {
      await using set = await setUp();
      expect(await set.plans.read("one")).toBeUndefined();
      expect(await set.plans.applied(pin)).toBeUndefined();
    });

    it("are replaced by one of those who saw the same version", async () => {
      await using set = await setUp();
      const replaceAll = async (version: number) =>
        await Promise.all(
          Array.from({ length: 10 }, (_, i) =>
            set.plans.replace("one", version, { askedAt: i, current }),
          ),
        );
      const made = await replaceAll(0);
      expect(made.filter(Boolean)).toHaveLength(1);
      const { version = 0, ...kept } = (await set.plans.read("one")) ?? {};
      expect(kept).toEqual({ askedAt: made.indexOf(true), current });
      expect((await replaceAll(version)).filter(Boolean)).toHaveLength(1);
      expect((await replaceAll(0)).some(Boolean)).toBe(false);
      expect(await set.plans.read("two")).toBeUndefined();
    });

    it("keep nothing of what they were given before", async () => {
      await using set = await setUp();
      await set.plans.replace("one", 0, { askedAt: 1, current });
      const { version = 0 } = (await set.plans.read("one")) ?? {};
      await set.plans.replace("one", version, { askedAt: 2 });
      const { version: _, ...kept } = (await set.plans.read("one")) ?? {};
      expect(kept).toEqual({ askedAt: 2 });
    });

    it("apply to a revision as whoever was first said, none as well", async () => {
      await using set = await setUp();
      const asked = await Promise.all(
        [{ amd64: first }, { amd64: second, arm64: first }, { arm64: second }, {}].map((plans) =>
          set.plans.apply(pin, undefined, plans),
        ),
      );
      const applied = await set.plans.applied(pin);
      for (const each of asked) expect(each).toEqual(applied);
      const bare = { ...pin, revision: "r2" };
      expect(await set.plans.apply(bare, undefined, {})).toEqual({});
      expect(await set.plans.apply(bare, undefined, { amd64: first })).toEqual({});
      expect(await set.plans.applied(bare)).toEqual({});
      expect(await set.plans.applied({ ...pin, packageSet: "path" })).toBeUndefined();
    });

    it("are listed with where they apply, until that is forgotten", async () => {
      await using set = await setUp();
      expect(await set.plans.learned()).toEqual([]);
      await set.plans.replace("one", 0, { askedAt: 1, current });
      await set.plans.replace("two", 0, { askedAt: 1 });
      await set.plans.apply(pin, undefined, { amd64: first });
      await set.plans.apply({ ...pin, revision: "r2" }, undefined, {});
      expect(await set.plans.learned()).toEqual([first]);
      const decisions = [...(await set.plans.decisions())];
      expect(decisions.map((each) => each.pin).sort(byRevision)).toEqual([
        { ...pin, plans: { amd64: first } },
        { ...pin, revision: "r2", plans: {} },
      ]);
      for (const { decidedAt } of decisions) {
        expect(Math.abs(decidedAt - Date.now())).toBeLessThan(60_000);
      }
      await set.plans.forget(pin);
      expect(await set.plans.applied(pin)).toBeUndefined();
      expect(await set.plans.decisions()).toHaveLength(1);
      expect(await set.plans.apply(pin, undefined, { amd64: second })).toEqual({ amd64: second });
    });

    it("are changed at a revision by who knows which apply there", async () => {
      await using set = await setUp();
      await set.plans.apply(pin, undefined, { amd64: first, arm64: first });
      expect(await set.plans.apply(pin, { amd64: first }, { amd64: second })).toEqual({
        amd64: first,
        arm64: first,
      });
      const changed = { amd64: second, arm64: first };
      const seen = { arm64: first, amd64: first };
      expect(await set.plans.apply(pin, seen, changed)).toEqual(changed);
      expect(await set.plans.applied(pin)).toEqual(changed);
    });
  });
}

function byRevision(a: { readonly revision: string }, b: { readonly revision: string }): number {
  return a.revision < b.revision ? -1 : 1;
}
