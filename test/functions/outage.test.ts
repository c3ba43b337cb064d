import { expect, it } from "vitest";
import { anythingGoes } from "../../core/build-policy.ts";
import type { PackageSet } from "../../core/package-set.ts";
import { createCurrentPins, type PinTools } from "../../functions/current-pin.ts";
import { createPullNotes } from "../../functions/pull-notes.ts";
import { parseImage } from "../../core/image.ts";
import { options } from "../support/builds.ts";
import { stores } from "../support/stores.ts";

const policy = anythingGoes;
const packageSet: PackageSet = { kind: "git", url: "https://example.com/p", reference: "main" };
const pinId = '["git+https://example.com/p","","main"]';
const times = { freshMs: 60_000, staleMs: Infinity, warmMs: 10_000 };
const never = () => new Promise<never>(() => undefined);
const refuses = () => Promise.reject(new Error("out of reach"));

/** Where tags stand, over real stores, but for what is given. */
function pinsOver(set: Awaited<ReturnType<typeof stores>>, instead: Partial<PinTools>) {
  const { queues, write: log, ...ports } = set;
  const tools = { ...ports, packageSet, policy, options, queue: queues.pin, times, log };
  return createCurrentPins({ ...tools, ...instead });
}

async function standing() {
  const set = await stores();
  const current = { revision: "r1", resolvedAt: set.now() };
  await set.pins.replace(pinId, 0, { reference: "main", askedAt: set.now(), current });
  return set;
}

it.each([
  ["refuses messages", refuses],
  ["takes messages and does not answer", never],
])("a stale tag is served at once where Pub/Sub %s", async (_, publish) => {
  await using set = await standing();
  let attempts = 0;
  const count = () => {
    attempts += 1;
    return publish();
  };
  const queue = { ...set.queues.pin, publish: count };
  const pins = pinsOver(set, { queue });
  set.advance(61_000);
  for (let i = 0; i < 20; i++) {
    expect(await pins.known("latest")).toMatchObject({ revision: "r1" });
  }
  expect(attempts).toBe(1);
  set.advance(16_000);
  await pins.known("latest");
  expect(attempts).toBe(2);
});

it.each([
  ["are out of reach", refuses],
  ["do not answer", never],
])(
  "a tag that is known is served where the records %s, and they are left alone",
  async (_, fail) => {
    await using set = await standing();
    let isOut = false;
    let reads = 0;
    const read = (id: string) => {
      reads += 1;
      return isOut ? fail() : set.pins.read(id);
    };
    const pins = pinsOver(set, { pins: { ...set.pins, read } });
    await pins.known("latest");
    isOut = true;
    set.advance(120_000);
    for (let i = 0; i < 20; i++) {
      expect(await pins.known("latest")).toMatchObject({ revision: "r1" });
    }
    expect(reads).toBe(2);
    isOut = false;
    set.advance(16_000);
    await pins.known("latest");
    expect(reads).toBe(3);
  },
);

it("where a tag stands that nobody knows, an outage is told", async () => {
  await using set = await stores();
  const pins = pinsOver(set, { pins: { ...set.pins, read: refuses } });
  await expect(pins.known("latest")).rejects.toThrow("out of reach");
});

it.each([
  ["fails", refuses],
  ["never ends", never],
])("a pull whose note %s is served, and the store is left alone for a while", async (_, note) => {
  await using set = await stores();
  let attempts = 0;
  const count = () => {
    attempts += 1;
    return note();
  };
  const pulls = { ...set.pulls, note: count };
  const notes = createPullNotes({ packageSet, pulls, now: set.now, log: set.write });
  for (let i = 0; i < 20; i++) await notes.note("latest", parseImage("git", "amd64"));
  expect(attempts).toBe(1);
});
