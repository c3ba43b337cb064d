import { LRUCache } from "lru-cache";
import { expect, it } from "vitest";
import { atMost } from "../../core/at-most.ts";

it("a cache of at most three entries forgets what was used longest ago", () => {
  const cache = new LRUCache<string, number>(atMost(3));
  for (const [i, name] of ["a", "b", "c"].entries()) cache.set(name, i);
  cache.get("a");
  cache.set("d", 3);
  expect([...cache.keys()].sort()).toEqual(["a", "c", "d"]);
});

it("what is set again takes no other's place, and what is deleted leaves room", () => {
  const cache = new LRUCache<string, number>(atMost(2));
  cache.set("a", 1).set("b", 2).set("a", 3);
  expect(cache.size).toBe(2);
  cache.delete("b");
  cache.set("c", 4);
  expect([cache.get("a"), cache.get("c")]).toEqual([3, 4]);
});

it("entries end at their time as without a bound", () => {
  let now = 1000;
  const perf = { now: () => now };
  const cache = new LRUCache<string, number>({ ...atMost(2), ttl: 10, ttlResolution: 0, perf });
  cache.set("a", 1);
  now = 1011;
  expect(cache.get("a")).toBeUndefined();
});
