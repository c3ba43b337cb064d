import { expect, it } from "vitest";
import { alone, sharing } from "../../../core/google/share.ts";

/** Reads that are answered by hand, and what each caller was given. */
function readByHand() {
  const reads: PromiseWithResolvers<string>[] = [];
  const read = sharing<string, string>(() => {
    const asked = Promise.withResolvers<string>();
    reads.push(asked);
    return asked.promise;
  });
  return { reads, read };
}

it("who asks while a read is on its way is not given its answer, but shares the next", async () => {
  const { reads, read } = readByHand();
  const first = read("key");
  const others = [read("key"), read("key"), read("key")];
  expect(reads).toHaveLength(1);
  reads[0]?.resolve("as it was");
  expect(await first).toBe("as it was");
  await expect.poll(() => reads.length).toBe(2);
  const late = read("key");
  reads[1]?.resolve("as it is");
  expect(await Promise.all(others)).toEqual(["as it is", "as it is", "as it is"]);
  await expect.poll(() => reads.length).toBe(3);
  reads[2]?.resolve("as it will be");
  expect(await late).toBe("as it will be");
});

it("a read that fails is the failure of those who shared it, and of nobody else", async () => {
  const { reads, read } = readByHand();
  const first = read("key");
  const second = read("key");
  reads[0]?.reject(new Error("no network"));
  await expect(first).rejects.toThrow("no network");
  await expect.poll(() => reads.length).toBe(2);
  reads[1]?.resolve("there");
  expect(await second).toBe("there");
});

it("reads of different things have nothing to do with each other", async () => {
  const { reads, read } = readByHand();
  const [one, two] = [read("one"), read("two")];
  reads[1]?.resolve("two");
  reads[0]?.resolve("one");
  expect(await Promise.all([one, two])).toEqual(["one", "two"]);
});

it("work that is done alone is done once at a time, and again by who comes later", async () => {
  const doAlone = alone("somebody does");
  let times = 0;
  const work = async () => `done ${++times}`;
  const done = await Promise.all([doAlone("a", work), doAlone("a", work), doAlone("b", work)]);
  expect(done).toEqual(["done 1", "somebody does", "done 2"]);
  expect(await doAlone("a", work)).toBe("done 3");
});
