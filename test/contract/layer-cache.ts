import { describe, expect, it } from "vitest";
import { digestOf } from "../../core/digest.ts";
import type { LayerCache } from "../../core/ports.ts";

/** What every `LayerCache` promises. */
export function layerCacheContract(
  adapter: string,
  setUp: () => Promise<AsyncDisposable & { readonly layers: LayerCache }>,
): void {
  const entry = { digest: digestOf("gz"), size: 2, diffId: digestOf("tar"), rawSize: 3 };

  describe(`the layer cache in ${adapter}`, () => {
    it("gives those entries of many that it has", async () => {
      await using set = await setUp();
      const keys = Array.from({ length: 120 }, (_, i) => digestOf(`layer ${i}`).slice(7));
      const known = keys.filter((_, i) => i % 3 === 0);
      await Promise.all(known.map((key, i) => set.layers.write(key, { ...entry, size: i })));
      const found = await set.layers.read(keys);
      expect([...found.keys()].sort()).toEqual([...known].sort());
      expect(found.get(known[7] ?? "")).toEqual({ ...entry, size: 7 });
      expect(await set.layers.read([])).toEqual(new Map());
    });

    it("keeps the last entry that was written for a key", async () => {
      await using set = await setUp();
      await set.layers.write("key", entry);
      await set.layers.write("key", { ...entry, size: 9 });
      expect((await set.layers.read(["key"])).get("key")).toEqual({ ...entry, size: 9 });
    });

    it("forgets each layer that is a blob, and no other", async () => {
      await using set = await setUp();
      const other = { ...entry, digest: digestOf("other") };
      await Promise.all([
        set.layers.write("one", entry),
        set.layers.write("two", entry),
        set.layers.write("three", other),
      ]);
      await set.layers.forget(entry.digest);
      expect(await set.layers.read(["one", "two", "three"])).toEqual(new Map([["three", other]]));
      await set.layers.forget(entry.digest);
    });
  });
}
