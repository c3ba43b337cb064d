import { LRUCache } from "lru-cache";
import { atMost } from "../at-most.ts";
import type { BuildKey } from "../build-key.ts";
import type {
  BeginningBuild,
  BuildCache,
  Charge,
  Charged,
  Clock,
  QuotaClient,
  Quotas,
  Refused,
} from "../ports.ts";
import {
  afterCharge,
  afterRefund,
  afterSpending,
  chargeOf,
  endedOf,
  refusedAccount,
  refusedPool,
  withoutEnded,
  type Account,
  type Books,
} from "../quota-account.ts";
import type { Quota } from "../quota.ts";
import { isSettled } from "../record.ts";
import { change } from "./change.ts";
import type { FirestoreConnection } from "./firestore.ts";
import { createQuotaDocuments, type SeenBooks } from "./quota-documents.ts";
import { createShares } from "./quota-shares.ts";

/**
 * `Quotas` in Firestore, for any number of processes. A charge is one batch over two documents: the client's, and one of
 * the shares that the quotas of all are split into, so that none is written by everybody. A share that is used up sends
 * whoever comes on to the next; all of them together are the quota, to the build.
 *
 * What was refused is kept in the process until there is room again: whoever goes on asking meanwhile is refused without
 * a look at the store.
 */
export function createGoogleQuotas(
  firestore: FirestoreConnection,
  quota: Quota,
  cache: Pick<BuildCache, "read">,
  now: Clock,
): Quotas {
  const documents = createQuotaDocuments(firestore, now);
  const inTurn = oneAtATime();
  const shares = createShares(quota, now);
  const refusedClients = new LRUCache<string, Refused>(atMost(20_000));

  /** What is known without asking. */
  function remembered(client: QuotaClient): Refused | undefined {
    const refused = refusedClients.get(client.id);
    return refused !== undefined && refused.until > now() ? refused : shares.refused(client);
  }

  /** The account as it is to be judged: where as many builds are under way as may be, their records tell. */
  async function judged(account: Account): Promise<Account> {
    const keys = Object.keys(account.running);
    if (keys.length < quota.atOnce) return account;
    const states = await Promise.all(
      keys.map(async (key) => {
        const record = await cache.read(key as BuildKey); // one that was charged for
        const state = record === undefined ? "absent" : isSettled(record) ? "settled" : "open";
        return [key, state] as const;
      }),
    );
    const stateOf = new Map(states);
    const ended = endedOf(account, (key) => stateOf.get(key) ?? "open", now());
    return withoutEnded(account, ended);
  }

  async function look(client: QuotaClient, share: number | undefined): Promise<SeenBooks> {
    const seen = await documents.look(client.id, share);
    return { ...seen, books: { ...seen.books, account: await judged(seen.books.account) } };
  }

  async function chargeNow(
    client: QuotaClient,
    build: BeginningBuild | undefined,
    share: number | undefined,
  ): Promise<Charged> {
    const decide = (seen: SeenBooks) => {
      const at = now();
      const { account, pool } = seen.books;
      const before = chargeOf(client, account, build, at);
      if (before !== undefined) return { answer: chargedAs(before, false) };
      const own = refusedAccount(client, account, quota, at);
      if (own !== undefined) {
        refusedClients.set(client.id, own);
        return { answer: own };
      }
      const common =
        share === undefined ? undefined : refusedPool(client, pool, shares.limits(share), at);
      if (common !== undefined) {
        shares.usedUp(client, share ?? 0, common);
        return { answer: common };
      }
      const fresh = { client, share, at };
      const next = afterCharge(seen.books, fresh, build?.key);
      const write = (mark: string) => documents.write(client.id, share, seen, next, mark);
      return { answer: chargedAs(fresh, true), write };
    };
    return await change(`the quotas of ${client.id}`, () => look(client, share), decide);
  }

  async function charge(client: QuotaClient, build?: BeginningBuild): Promise<Charged> {
    for (;;) {
      const known = remembered(client);
      if (known !== undefined) return known;
      const charged = await chargeNow(client, build, shares.next(client));
      if (charged.state === "charged") return charged;
    }
  }

  const { refund, spend } = createGoogleSpending(firestore, now);
  return {
    charge: async (client, build) =>
      remembered(client) ?? (await inTurn(() => charge(client, build))),
    refused: remembered,
    refund: async (...refunded) => await inTurn(() => refund(...refunded)),
    spend: async (...spent) => await inTurn(() => spend(...spent)),
  };
}

function chargedAs(charge: Charge, isNew: boolean): Charged {
  return { state: "charged", charge, isNew };
}

/** The half of it that needs no quota: for workers, who know what builds took, and whom each was charged to. */
export function createGoogleSpending(
  firestore: FirestoreConnection,
  now: Clock,
): Pick<Quotas, "refund" | "spend"> {
  const documents = createQuotaDocuments(firestore, now);

  async function update(
    { client, share }: Charge,
    become: (books: Books) => Books | undefined,
  ): Promise<void> {
    await change(
      `the quotas of ${client.id}`,
      () => documents.look(client.id, share),
      (seen) => {
        const next = become(seen.books);
        if (next === undefined) return { answer: undefined };
        const write = (mark: string) => documents.write(client.id, share, seen, next, mark);
        return { answer: undefined, write };
      },
    );
  }

  return {
    refund: async (charge, key) =>
      await update(charge, (books) => afterRefund(books, charge, key, now())),
    spend: async (charge, key, seconds) =>
      await update(charge, (books) => afterSpending(books, charge, key, seconds, now())),
  };
}

/** Of a process, one at a time: they would only lose against each other. */
function oneAtATime() {
  let last: Promise<unknown> = Promise.resolve();
  return async <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work);
    last = mine.catch(() => undefined); // its failure is its caller's to see
    return await mine;
  };
}
