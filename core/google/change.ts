import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type {
  DocumentData,
  DocumentReference,
  Timestamp,
  WriteBatch,
} from "@google-cloud/firestore";
import type { Written } from "./firestore.ts";

/** A document that tells which write made it what it is. */
export interface Marked {
  readonly mark?: string | undefined;
}

/**
 * What a caller is told of a document as it was seen, and the write that has to succeed first. The write must fail
 * if the document is no longer as it was seen, and leave `mark` in it.
 */
export interface Decision<T> {
  readonly answer: T;
  readonly write?: (mark: string) => Promise<Written>;
}

const mostAttempts = 20;
const mostDoubts = 4;
const pauseMs = 50;

/**
 * Looks at a document, decides, and writes, until the write is there or none is called for. It takes no locks: each
 * attempt that is lost is one that somebody else has won.
 *
 * "Lost" may be our own doing: the library repeats a commit whose answer went missing, and the repetition fails on
 * the preconditions that the first one broke. So whether it is lost is decided by looking for our mark. The mark is
 * also what makes each write a change: one that changes nothing leaves the update time as it is, and two racers
 * would both win. A write that stays in doubt is thrown as the error that it was.
 */
export async function change<Seen extends Marked | undefined, T>(
  what: string,
  look: () => Promise<Seen>,
  decide: (seen: Seen) => Decision<T>,
): Promise<T> {
  const mark = randomUUID();
  let tried: Decision<T> | undefined;
  let doubts = 0;
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    const seen = await look();
    if (tried !== undefined && seen?.mark === mark) return tried.answer;
    tried = decide(seen);
    if (tried.write === undefined) return tried.answer;
    const outcome = await tried.write(mark);
    if (outcome.state === "done") return tried.answer;
    if (outcome.state === "in doubt") {
      doubts += 1;
      if (doubts === mostDoubts) throw outcome.error;
      await sleep(pauseMs * 2 ** (doubts - 1) * (0.5 + Math.random()));
    }
  }
  throw new Error(`could not change ${what}: others were quicker ${mostAttempts} times`);
}

/** Adds a write to a batch that fails if the document is no longer as it was seen: undefined was not there. */
export function writeAsSeen(
  batch: WriteBatch,
  document: DocumentReference,
  seen: { readonly updated: Timestamp } | undefined,
  fields: DocumentData,
): void {
  if (seen === undefined) batch.create(document, fields);
  else batch.update(document, fields, { lastUpdateTime: seen.updated });
}
