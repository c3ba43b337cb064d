import {
  afterCharge,
  afterRefund,
  afterSpending,
  chargeOf,
  emptyAccount,
  emptyPool,
  endedOf,
  refusedAccount,
  refusedPool,
  withoutEnded,
  type Account,
  type Books,
  type Pool,
} from "../quota-account.ts";
import { longestMs } from "../ledger.ts";
import type { Charge, Clock, QuotaClient, Quotas } from "../ports.ts";
import type { Quota } from "../quota.ts";
import type { Database } from "./database.ts";

const poolId = "all";

/** `Quotas` in SQLite, for one process. */
export function createLocalQuotas(database: Database, quota: Quota, now: Clock): Quotas {
  function stored(id: string): string | undefined {
    const row = database.get("select books from quotas where id = ?", id);
    return row === undefined ? undefined : String(row["books"]);
  }

  function read(client: string): Books {
    const account = stored(`client ${client}`);
    const pool = stored(poolId);
    return {
      account: account === undefined ? emptyAccount : (JSON.parse(account) as Account), // written by `write` below
      pool: pool === undefined ? emptyPool : (JSON.parse(pool) as Pool), // the same
    };
  }

  function write(client: string, { account, pool }: Books): void {
    const kept = [`client ${client}`, JSON.stringify(account), poolId, JSON.stringify(pool)];
    const expiresAt = now() + longestMs;
    database.run(
      `insert into quotas values (?1, ?2, ?5), (?3, ?4, ?5)
       on conflict (id) do update set books = excluded.books, expires_at = excluded.expires_at`,
      ...kept,
      expiresAt,
    );
  }

  function change(charge: Charge, become: (books: Books) => Books | undefined): void {
    database.transaction(() => {
      const next = become(read(charge.client.id));
      if (next !== undefined) write(charge.client.id, next);
    });
  }

  function stateOf(key: string): "open" | "settled" | "absent" {
    const row = database.get("select record ->> '$.state' as state from images where key = ?", key);
    if (row === undefined) return "absent";
    return row["state"] === "queued" || row["state"] === "building" ? "open" : "settled";
  }

  function judged(client: QuotaClient, { account: all, pool }: Books, at: number) {
    const account = withoutEnded(all, endedOf(all, stateOf, at));
    const refused =
      refusedAccount(client, account, quota, at) ?? refusedPool(client, pool, quota, at);
    return { account, refused };
  }

  return {
    charge: async (client, build) =>
      database.transaction(() => {
        const at = now();
        const books = read(client.id);
        const before = chargeOf(client, books.account, build, at);
        if (before !== undefined) return { state: "charged", charge: before, isNew: false };
        const { account, refused } = judged(client, books, at);
        if (refused !== undefined) return refused;
        const charge = { client, at };
        write(client.id, afterCharge({ ...books, account }, charge, build?.key));
        return { state: "charged", charge, isNew: true };
      }),
    refused: (client) => judged(client, read(client.id), now()).refused,
    refund: async (charge, key) =>
      change(charge, (books) => afterRefund(books, charge, key, now())),
    spend: async (charge, key, seconds) =>
      change(charge, (books) => afterSpending(books, charge, key, seconds, now())),
  };
}
