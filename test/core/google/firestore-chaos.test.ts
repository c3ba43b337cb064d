import { expect, it } from "vitest";
import type { BuildKey } from "../../../core/build-key.ts";
import type { BuildCache, Lease } from "../../../core/ports.ts";
import { buildOf, failed, progress } from "../../support/builds.ts";
import { needEmulators } from "../../support/emulators.ts";
import { randomFrom } from "../../support/store-tree.ts";
import { failureWith, meddle, openBuildCaches } from "./firestore-set-up.ts";

needEmulators();

const seed = 20261124;
const processes = 8;
const steps = 40;
const leaseMs = 60_000;
const builds = [buildOf("git"), buildOf("curl")];

it(`eight processes that lose answers and freeze never share a build (seed ${seed})`, async () => {
  await using set = await openBuildCaches();
  const random = randomFrom(seed);
  const oneOf = <T>(choices: readonly T[]) => choices[Math.floor(random() * choices.length)] as T; // never empty
  meddle(set.client, async (commit) => {
    const luck = random();
    if (luck < 0.1) throw failureWith(oneOf([4, 10, 14]));
    const answer = await commit();
    if (luck < 0.3) throw failureWith(oneOf([4, 6, 9, 14]));
    return answer;
  });

  const begun: string[] = [];
  const granted = new Map<BuildKey, number[]>();
  const settled: string[] = [];
  const latest = (key: BuildKey) => Math.max(0, ...(granted.get(key) ?? []));

  async function act(cache: BuildCache, lease: Lease): Promise<boolean> {
    const { key, epoch } = lease;
    const isFenced = latest(key) > epoch;
    const settle = async (settlement: Parameters<BuildCache["settle"]>[1]) => {
      const isMine = await cache.settle(lease, settlement);
      if (isMine) settled.push(`${key} ${epoch}`);
      return isMine;
    };
    const done = await oneOf([
      () => cache.renew(lease, leaseMs),
      () => cache.report(lease, { ...progress, done: Math.floor(random() * 100) }),
      () => settle(failed({ reason: "service" })),
      () => settle(failed()),
      () => cache.release(lease).then(() => false),
    ])();
    expect(isFenced && done).toBe(false);
    return done;
  }

  async function run(cache: BuildCache, owner: string): Promise<void> {
    let leases: readonly Lease[] = [];
    for (let step = 0; step < steps; step++) {
      const build = oneOf(builds);
      const { outcome, record } = await cache.request(build, oneOf(["pull", "prebuild"] as const));
      if (outcome === "created") begun.push(`${build.key} ${record.attempt}`);
      const claimed = await cache.claim(build.key, owner, leaseMs);
      if (claimed.state === "mine") {
        const { key, epoch } = claimed.lease;
        granted.set(key, [...(granted.get(key) ?? []), epoch]);
        leases = [...leases, claimed.lease].slice(-3);
      }
      if (leases.length > 0) await act(cache, oneOf(leases));
      set.advance(random() < 0.2 ? leaseMs + 1 : 1000);
    }
  }

  await Promise.all(set.many(processes).map((cache, i) => run(cache, `worker ${i % 4}`)));
  for (const all of [begun, settled, ...granted.values()]) {
    expect(all.length).toBeGreaterThan(1);
    expect(new Set<unknown>(all).size).toBe(all.length);
  }
});
