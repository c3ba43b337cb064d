import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { createGate } from "../../worker/gate.ts";

test("many pass side by side, and one alone waits for them and holds the next up", async () => {
  const gate = createGate();
  const seen: string[] = [];
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  const work = [
    gate.shared(async () => await first.promise.then(() => seen.push("first"))),
    gate.shared(async () => await second.promise.then(() => seen.push("second"))),
    gate.alone(async () => {
      await sleep(10);
      seen.push("alone");
    }),
    gate.shared(async () => seen.push("next")),
  ];
  second.resolve();
  await sleep(10);
  expect(seen).toEqual(["second"]);
  first.resolve();
  await Promise.all(work);
  expect(seen).toEqual(["second", "first", "alone", "next"]);
});

test("it opens again after work that failed", async () => {
  const gate = createGate();
  const failing = async () => await Promise.reject(new Error("out of luck"));
  await expect(gate.shared(failing)).rejects.toThrow("out of luck");
  await expect(gate.alone(failing)).rejects.toThrow("out of luck");
  expect(await gate.shared(async () => "through")).toBe("through");
});

test("two that are alone are so one after the other", async () => {
  const gate = createGate();
  let inside = 0;
  const enter = async () => {
    inside += 1;
    expect(inside).toBe(1);
    await sleep(5);
    inside -= 1;
  };
  await Promise.all([gate.alone(enter), gate.alone(enter), gate.shared(enter)]);
  expect(inside).toBe(0);
});
