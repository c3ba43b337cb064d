import { describe, expect, it } from "vitest";
import { digestOf } from "../../core/digest.ts";
import type { Pins } from "../../core/ports.ts";

/** What every `Pins` promises. */
export function pinsContract(
  adapter: string,
  setUp: () => Promise<AsyncDisposable & { readonly pins: Pins }>,
): void {
  // A store that is elsewhere takes a while to begin.
  const poll = { timeout: 10_000 };
  const asked = { reference: "nixos-unstable", askedAt: 5 };

  describe(`the pins in ${adapter}`, () => {
    it("have nothing for a reference nobody asked for", async () => {
      await using set = await setUp();
      expect(await set.pins.read("one")).toBeUndefined();
    });

    it("are replaced by one of those who saw the same version", async () => {
      await using set = await setUp();
      const replaceAll = async (version: number) =>
        await Promise.all(
          Array.from({ length: 10 }, (_, i) =>
            set.pins.replace("one", version, { ...asked, askedAt: i }),
          ),
        );
      const made = await replaceAll(0);
      expect(made.filter(Boolean)).toHaveLength(1);
      const first = await set.pins.read("one");
      expect(first?.version).toBeGreaterThan(0);
      expect(first?.askedAt).toBe(made.indexOf(true));
      const changed = await replaceAll(first?.version ?? 0);
      expect(changed.filter(Boolean)).toHaveLength(1);
      expect((await replaceAll(0)).some(Boolean)).toBe(false);
    });

    it("keep what they were given, and nothing of what they were given before", async () => {
      await using set = await setUp();
      const failure = { reason: "service", message: "no network", failedAt: 6 } as const;
      await set.pins.replace("one", 0, { ...asked, failure });
      const { version = 0, ...kept } = (await set.pins.read("one")) ?? {};
      expect(kept).toEqual({ ...asked, failure });
      const current = { revision: "abc", resolvedAt: 7 };
      await set.pins.replace("one", version, { ...asked, current, previous: "aaa" });
      expect(await set.pins.read("one")).toEqual({
        ...asked,
        current,
        previous: "aaa",
        version: expect.any(Number) as number,
      });
    });

    it("keep the default reference, which has no name", async () => {
      await using set = await setUp();
      await set.pins.replace("one", 0, { reference: undefined, askedAt: 1 });
      expect((await set.pins.read("one"))?.reference).toBeUndefined();
    });

    it("list those that stand somewhere, moving or not", async () => {
      await using set = await setUp();
      const current = { revision: "abc", resolvedAt: 7 };
      const next = { revision: "def", since: 8 };
      const failure = { reason: "revision-unknown", message: "no such tag", failedAt: 6 } as const;
      await set.pins.replace("asked", 0, asked);
      await set.pins.replace("unknown", 0, { ...asked, failure });
      await set.pins.replace("standing", 0, { ...asked, current });
      await set.pins.replace("moving", 0, { ...asked, current, next });
      const amd64 = digestOf("a plan");
      const planned = { ...next, plans: { amd64 } };
      await set.pins.replace("planned", 0, {
        ...asked,
        current: { ...current, plans: { amd64, arm64: amd64 } },
        next: planned,
      });
      const listed = await set.pins.list();
      expect(listed.map(({ id }) => id).toSorted()).toEqual(["moving", "planned", "standing"]);
      expect(listed.find(({ id }) => id === "moving")?.record).toEqual(
        await set.pins.read("moving"),
      );
      expect(await set.pins.read("planned")).toMatchObject({
        current: { ...current, plans: { amd64, arm64: amd64 } },
        next: planned,
      });
    });

    it("show a watcher each change of its own reference, and end with the signal", async () => {
      await using set = await setUp();
      const stop = new AbortController();
      const seen: (number | undefined)[] = [];
      const watching = (async () => {
        for await (const record of set.pins.watch("one", stop.signal)) seen.push(record?.askedAt);
      })();
      await expect.poll(() => seen, poll).toEqual([undefined]);
      await set.pins.replace("two", 0, { ...asked, askedAt: 2 });
      await set.pins.replace("one", 0, { ...asked, askedAt: 1 });
      await expect.poll(() => seen, poll).toEqual([undefined, 1]);
      stop.abort();
      await watching;
      expect(seen).toEqual([undefined, 1]);
    });
  });
}
