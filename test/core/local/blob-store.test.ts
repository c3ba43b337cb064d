import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { createLocalBlobStore } from "../../../core/local/blob-store.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

// What this process has read so far, from the disk or not.
function bytesRead(): number {
  const [, count] = /^rchar: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8")) ?? [];
  return Number(count);
}

it("a blob is read once in a process to see that it is whole, however many ask at once", async () => {
  await using folder = await temporaryFolder();
  const size = 20_000_000;
  const { digest } = await createLocalBlobStore(folder.path).write(
    (async function* () {
      yield Buffer.alloc(size, "x");
    })(),
    new AbortController().signal,
  );
  const store = createLocalBlobStore(folder.path);
  const before = bytesRead();
  const found = await Promise.all(Array.from({ length: 20 }, () => store.stat(digest)));
  await store.stat(digest);
  expect(found.every((each) => each?.size === size)).toBe(true);
  expect(bytesRead() - before).toBeGreaterThanOrEqual(size);
  expect(bytesRead() - before).toBeLessThan(2 * size);
});
