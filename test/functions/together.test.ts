import { expect, it } from "vitest";
import { waitingTogether } from "../../functions/together.ts";

function byHand() {
  const begun: { readonly done: PromiseWithResolvers<string>; readonly stop: AbortSignal }[] = [];
  const join = waitingTogether<string>();
  const begin = (stop: AbortSignal) => {
    const done = Promise.withResolvers<string>();
    begun.push({ done, stop });
    return done.promise;
  };
  return { begun, join: (key: string) => join(key, begin) };
}

it("who comes while another waits is given the same, and the next one what is begun anew", async () => {
  const { begun, join } = byHand();
  using first = join("key");
  using second = join("key");
  using other = join("another");
  expect(begun).toHaveLength(2);
  begun[0]?.done.resolve("it");
  begun[1]?.done.resolve("other");
  expect([await first.result, await second.result]).toEqual(["it", "it"]);
  expect(await other.result).toBe("other");
  using third = join("key");
  expect(third.result).not.toBe(first.result);
  expect(begun).toHaveLength(3);
});

it("is stopped when the last has gone, and then begun anew for the next", () => {
  const { begun, join } = byHand();
  const first = join("key");
  const second = join("key");
  first[Symbol.dispose]();
  expect(begun[0]?.stop.aborted).toBe(false);
  second[Symbol.dispose]();
  expect(begun[0]?.stop.aborted).toBe(true);
  using third = join("key");
  expect(third.result).not.toBe(first.result);
  expect(begun[1]?.stop.aborted).toBe(false);
});

it("fails for all who wait, and not for who comes later", async () => {
  const { begun, join } = byHand();
  using first = join("key");
  using second = join("key");
  begun[0]?.done.reject(new Error("away"));
  await expect(first.result).rejects.toThrow("away");
  await expect(second.result).rejects.toThrow("away");
  using third = join("key");
  begun[1]?.done.resolve("back");
  expect(await third.result).toBe("back");
});
