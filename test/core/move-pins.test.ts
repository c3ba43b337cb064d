import { describe, expect, it } from "vitest";
import { buildKey } from "../../core/build-key.ts";
import { parseImage } from "../../core/image.ts";
import { movePins } from "../../core/move-pins.ts";
import { selectRevision, type PackageSet } from "../../core/package-set.ts";
import { failed, options, ready } from "../support/builds.ts";
import { stores } from "../support/stores.ts";

const packageSet: PackageSet = { kind: "git", url: "https://example.com/p", reference: "main" };
const selection = selectRevision(packageSet, "latest");
const id = selection.kind === "reference" ? selection.pinId : "";
const minute = 60_000;

/** A tag that moves from `old` to `new`, and the images that were pulled by it. */
async function moving(...names: readonly string[]) {
  const set = await stores();
  const { cache, pins, pulls, queues, now, write: log } = set;
  const current = { revision: "old", resolvedAt: now() };
  const next = { revision: "new", since: now() };
  await pins.replace(id, 0, { reference: "main", askedAt: now(), current, next });
  for (const name of names) await pulls.note(id, name, now());
  const tools = { cache, pins, pulls, queue: queues.prebuild, options, images: 50, now, log };
  return {
    ...set,
    move: async (images = 50) => await movePins({ ...tools, images }),
    revision: async () => (await pins.read(id))?.current?.revision,
    keyOf: (name: string) => {
      const pin = { packageSet: "git+https://example.com/p", revision: "new" };
      return buildKey(parseImage(name, "amd64"), pin, options);
    },
  };
}

describe("a tag that moves", () => {
  it("moves at once where nobody pulled by it", async () => {
    await using set = await moving();
    await set.move();
    expect(await set.pins.read(id)).toMatchObject({
      current: { revision: "new" },
      previous: "old",
    });
    expect((await set.pins.read(id))?.next).toBeUndefined();
  });

  it("stays until the images pulled lately are built, which are prebuilt once", async () => {
    await using set = await moving("amd64/git", "arm64/shell/curl");
    await Promise.all([set.move(), set.move()]);
    await set.move();
    expect(set.published.prebuild).toHaveLength(2);
    expect(set.published.pull).toEqual([]);
    expect(await set.revision()).toBe("old");
    await set.settle(set.keyOf("amd64/git"), ready("git"));
    await set.move();
    expect(await set.revision()).toBe("old");
    await set.settle(set.keyOf("arm64/shell/curl"), ready("curl"));
    await set.move();
    expect(await set.revision()).toBe("new");
  });

  it("is not held back by an image that no longer builds", async () => {
    await using set = await moving("amd64/git");
    await set.move();
    await set.settle(set.keyOf("amd64/git"), failed());
    set.advance(10 * minute);
    await set.move();
    expect(await set.revision()).toBe("new");
    expect(set.published.prebuild).toHaveLength(1);
  });

  it("waits half an hour for an image and no longer", async () => {
    await using set = await moving("amd64/git");
    await set.move();
    set.advance(29 * minute);
    await set.move();
    expect(await set.revision()).toBe("old");
    set.advance(2 * minute);
    await set.move();
    expect(await set.revision()).toBe("new");
    expect(set.log).toContainEqual("INFO the package set moved to new");
  });

  it("does not build what was last pulled long ago, nor more images than it may", async () => {
    await using set = await moving("amd64/git", "amd64/curl");
    set.advance(8 * 24 * 60 * minute);
    await set.pulls.note(id, "amd64/hello", set.now());
    await set.pulls.note(id, "amd64/htop", set.now() + 1);
    await set.move(1);
    expect(set.published.prebuild).toEqual([{ kind: "build", key: set.keyOf("amd64/htop") }]);
  });
});
