import { expect, test, vi, type TestContext } from "vitest";
import { need, needRoot } from "../support/need.ts";
import { playOnSmallStore } from "../support/small-store.ts";

// Some dozens of calls of Nix each, and machines are shared.
vi.setConfig({ testTimeout: 120_000 });

function needSmallStore(context: TestContext): void {
  need(context, "nix", "unshare");
  needRoot(context);
}

test("what a build needs stays, whatever it is doing, and what it needs no more goes", async (context) => {
  needSmallStore(context);
  expect(await playOnSmallStore("phases")).toEqual({
    afterEvaluating: true,
    afterRealising: true,
    whilePacking: true,
    tools: [],
    afterwards: false,
  });
});

test("a store that is cleared again and again lets builds through", async (context) => {
  needSmallStore(context);
  const { rounds } = await playOnSmallStore<{ rounds: number }>("beside");
  expect(rounds).toBeGreaterThan(2);
});

test("builds of more than the disk holds leave it below its share", async (context) => {
  needSmallStore(context);
  const { inUse } = await playOnSmallStore<{ inUse: readonly number[] }>("share");
  expect(Math.max(...inUse)).toBeLessThanOrEqual(50);
  // Nor is more removed than has to be.
  expect(inUse.at(-1)).toBeGreaterThan(25);
});

test("what was used least lately goes first", async (context) => {
  needSmallStore(context);
  const { there } = await playOnSmallStore<{ there: readonly boolean[] }>("order");
  const [first, second, third, fourth] = there;
  expect([first, fourth]).toEqual([true, true]);
  expect([second, third]).toContain(false);
});
