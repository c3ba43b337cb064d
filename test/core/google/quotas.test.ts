import { expect, it } from "vitest";
import { createGoogleQuotas } from "../../../core/google/quotas.ts";
import { alice, first, stranger } from "../../contract/quotas.ts";
import { needEmulators } from "../../support/emulators.ts";
import { quotaOf } from "../../support/quota.ts";
import { failureWith, meddle, openBuildCaches } from "./firestore-set-up.ts";

needEmulators();

async function openQuotas(text: string) {
  const set = await openBuildCaches();
  let asked = 0;
  const counted = { ...set.beside, open: async () => ((asked += 1), await set.beside.open()) };
  return {
    ...set,
    /** As another process has them. */
    quotas: () => createGoogleQuotas(counted, quotaOf(text), set.cache, set.now),
    asked: () => asked,
  };
}

it.each([
  ["one client", "client=23/minute", () => stranger, 23],
  [
    "very many clients",
    "client=1/minute; anonymous=31/minute; all=60/minute",
    (i: number) => ({ id: `client ${i}`, isAnonymous: true }),
    31,
  ],
])(
  "eight processes that are asked by %s at once charge the quota, to the build",
  async (...row) => {
    const [, text, client, most] = row;
    await using set = await openQuotas(text);
    const processes = Array.from({ length: 8 }, set.quotas);
    const answers = await Promise.all(
      Array.from({ length: 400 }, async (_, i) =>
        processes[i % 8]?.charge(client(i), first(`name${i}`)),
      ),
    );
    expect(answers.filter((answer) => answer?.state === "charged")).toHaveLength(most);
  },
);

it("whoever was refused is refused ten thousand times without a look at the store", async () => {
  await using set = await openQuotas("client=2/minute; anonymous=3/minute");
  const quotas = set.quotas();
  for (const name of ["a", "b", "c"]) await quotas.charge(stranger, first(name));
  const another = { id: "192.0.2.8", isAnonymous: true };
  for (const name of ["d", "e"]) await quotas.charge(another, first(name));
  const before = set.asked();
  for (let i = 0; i < 5000; i++) {
    expect(await quotas.charge(stranger, first(`e${i}`))).toMatchObject({ state: "refused" });
    const client = { id: `192.0.2.${i}`, isAnonymous: true };
    expect(await quotas.charge(client, first(`f${i}`))).toMatchObject({ state: "refused" });
  }
  expect(set.asked()).toBe(before);
  expect(await quotas.charge(alice, first("g"))).toMatchObject({ state: "charged" });
});

it("a charge whose answer got lost is charged once", async () => {
  await using set = await openQuotas("client=2/minute; all=2/minute");
  let isLost = true;
  meddle(set.client, async (commit) => {
    const done = await commit();
    if (isLost) throw failureWith(14);
    return done;
  });
  const quotas = set.quotas();
  expect(await quotas.charge(stranger, first("git"))).toMatchObject({ isNew: true });
  isLost = false;
  expect(await quotas.charge(stranger, first("jq"))).toMatchObject({ isNew: true });
  expect(await quotas.charge(stranger, first("htop"))).toMatchObject({ state: "refused" });
});
