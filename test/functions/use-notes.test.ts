import { expect, it } from "vitest";
import { digestOf, type Digest } from "../../core/digest.ts";
import { useNotedMs } from "../../core/retention.ts";
import { createUseNotes } from "../../functions/use-notes.ts";

const digest = digestOf("a manifest");

function notesAt() {
  let time = 1_700_000_000_000;
  const written: Digest[] = [];
  const use = async (digests: readonly Digest[]) => {
    written.push(...digests);
    return [];
  };
  const notes = createUseNotes({ cache: { use }, now: () => time, log: () => undefined });
  return { notes, written, now: () => time, pass: (ms: number) => (time += ms) };
}

it("a use is written down once in six hours, however many pull", async () => {
  const { notes, written, pass } = notesAt();
  await Promise.all(Array.from({ length: 100 }, () => notes.note([digest])));
  expect(written).toEqual([digest]);
  pass(useNotedMs + 1);
  await notes.note([digest]);
  expect(written).toEqual([digest, digest]);
});

it("what was just stored counts as used then, and is written down when that is as long ago", async () => {
  const { notes, written, now, pass } = notesAt();
  notes.wasNoted(digest, now() - 1000);
  await notes.note([digest]);
  expect(written).toEqual([]);
  pass(useNotedMs - 500);
  // Said again, it is not of now.
  notes.wasNoted(digest, now() - useNotedMs - 500);
  await notes.note([digest]);
  expect(written).toEqual([digest]);
});
