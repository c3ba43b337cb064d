import { createHash } from "node:crypto";
import type { DocumentReference, DocumentSnapshot, Timestamp } from "@google-cloud/firestore";
import { longestMs } from "../ledger.ts";
import type { Clock } from "../ports.ts";
import { emptyAccount, emptyPool, type Account, type Books, type Pool } from "../quota-account.ts";
import { writeAsSeen } from "./change.ts";
import { fieldsOf } from "./fields.ts";
import { answered, written, type FirestoreConnection, type Written } from "./firestore.ts";

/**
 * The documents `quotas/{SHA-256 of a client}` and `quotas/all-{share}`. What is in them is one text each: nobody asks
 * for a part of it. A client's is in each write, so its mark tells whether a write is there.
 */
export interface SeenBooks {
  readonly books: Books;
  readonly mark: string | undefined;
  readonly account: Seen | undefined;
  readonly pool: Seen | undefined;
}

interface Seen {
  readonly updated: Timestamp;
}

export function createQuotaDocuments(connection: FirestoreConnection, now: Clock) {
  async function documentsOf(client: string, share: number | undefined) {
    const firestore = await connection.open();
    const hash = createHash("sha256").update(client).digest("hex");
    return {
      account: firestore.doc(`quotas/${hash}`),
      pool: share === undefined ? undefined : firestore.doc(`quotas/all-${share}`),
    };
  }

  return {
    /** A client's account, with a share in what all have; without one, nothing is read or written of these. */
    async look(client: string, share: number | undefined): Promise<SeenBooks> {
      const firestore = await connection.open();
      const { account, pool } = await documentsOf(client, share);
      const documents = pool === undefined ? [account] : [account, pool];
      const [one, other] = await answered("read quotas", firestore.getAll(...documents));
      return {
        books: {
          account: (one && (booksIn(one) as Account | undefined)) ?? emptyAccount, // as `write` wrote it
          pool: (other && (booksIn(other) as Pool | undefined)) ?? emptyPool, // the same
        },
        mark: one && fieldsOf(one)?.text("mark"),
        account: seenIn(one),
        pool: seenIn(other),
      };
    },
    /** Writes both in one batch, unless one of them is no longer as it was seen. */
    async write(
      client: string,
      share: number | undefined,
      seen: SeenBooks,
      next: Books,
      mark: string,
    ): Promise<Written> {
      const firestore = await connection.open();
      const { account, pool } = await documentsOf(client, share);
      const batch = firestore.batch();
      const put = (document: DocumentReference, was: Seen | undefined, books: Account | Pool) =>
        writeAsSeen(batch, document, was, {
          books: JSON.stringify(books),
          mark,
          expireAt: new Date(now() + longestMs),
        });
      put(account, seen.account, next.account);
      if (pool !== undefined) put(pool, seen.pool, next.pool);
      return await written("write quotas", batch.commit());
    },
  };
}

function booksIn(snapshot: DocumentSnapshot): unknown {
  const text = fieldsOf(snapshot)?.text("books");
  return text === undefined ? undefined : JSON.parse(text);
}

function seenIn(snapshot: DocumentSnapshot | undefined): Seen | undefined {
  return snapshot?.updateTime && { updated: snapshot.updateTime };
}
