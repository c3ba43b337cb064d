import { buildKey, parseBuildKey } from "../../core/build-key.ts";
import type { Digest } from "../../core/digest.ts";
import { parseImages } from "../../core/image.ts";
import type { Database } from "../../core/local/database.ts";
import { packageSetId } from "../../core/package-set.ts";
import type { StoredBlob } from "../../core/ports.ts";
import { randomFrom } from "../../worker/random.ts";
import { createMemoryBlobs } from "./memory-blobs.ts";
import { createClient } from "./retention-client.ts";
import {
  buildIn,
  keepMs,
  learnPlan,
  localStores,
  options,
  packageSet,
  PlanGone,
  registryOver,
  retentionOver,
  type Stores,
} from "./retention-world.ts";
import { createWitness, telling, type Witness } from "./retention-witness.ts";
import { createTurns, type Actor, type Waiting } from "./turns.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const skewMs = 3 * minute;
// How long a client has for what it was told of, and how long a step may take that has to be over soon.
const promisedMs = 12 * hour;
const stepMs = 6 * hour;
const steps = [1000, 20_000, 5 * minute, hour, 5 * hour, day, 3 * day, 20 * day, 40 * day];
const lifeMs = 2000 * day;

const revisions = ["a", "b"].map((each) => each.repeat(40));
const names = ["git", "curl", "jq", "amd64/git"];
const tables = ["images", "leases", "manifests", "layers", "applied_plans", "plans"];
const stepsARun = 100;

/**
 * Makes the function that does one run: builds, pulls, sweeps and what can happen to them, in an order that follows from
 * the seed. It rejects with what should not have happened, and answers how much did. Seeds are given in rising order:
 * each has a time of its own, in which what the registries have in memory from the one before is long over.
 */
export function createRetentionRuns(database: Database) {
  let time = 0;
  const turns = createTurns(() => time);
  const blobs = createMemoryBlobs(() => time);
  const queued = new Set<string>();
  let random = randomFrom(0);
  let witness: Witness;
  const below = (limit: number) => Math.floor(random() * limit);
  const pick = <T>(all: readonly T[]): T => all[below(all.length)] as T; // nobody picks out of nothing

  function skewed() {
    const skew = Math.round((random() - 0.5) * 2 * skewMs);
    return () => time + skew;
  }

  /** Stores whose calls wait their turns, and tell of what is removed; for one actor after the other. */
  function storesOf(actor: () => Actor, now: () => number): Stores {
    const real = localStores(database, blobs, now);
    const seen = {
      cache: real.cache,
      store: real.store,
      layers: real.layers,
      plans: real.plans,
      blobs: {
        ...real.blobs,
        remove: telling(
          (blob: StoredBlob) => real.blobs.remove(blob),
          ([{ digest }]) => witness.removedBlob(digest),
        ),
      },
      manifests: {
        ...real.manifests,
        remove: telling(
          (digest: Digest, before: number) => real.manifests.remove(digest, before),
          ([digest]) => witness.removedManifest(digest),
        ),
      },
    };
    const ports = Object.entries(seen) as [string, object][];
    const inTurn = ports.map(([name, port]) => [name, turns.port(name, port, actor)] as const);
    return { ...real, ...Object.fromEntries(inTurn) };
  }

  // One that crashed goes on as another, which has nothing in memory. To make one takes longer than a run.
  const registries = Array.from({ length: 5 }, () => {
    const now = skewed();
    const stores = storesOf(() => ({ kind: "request", crashed: false }), now);
    return registryOver(stores, now, (key) => queued.add(key));
  });
  const machines = Array.from({ length: 12 }, () => {
    const now = skewed();
    const machine = { now, actor: { kind: "idle", crashed: true } };
    return { machine, stores: storesOf(() => machine.actor, now) };
  });

  return async (seed: number) => {
    random = randomFrom(seed);
    time = 1_700_000_000_000 + seed * lifeMs;
    const endOfTime = time + lifeMs - 100 * day;
    const hasFaults = random() < 0.5;
    // Time hardly passes while somebody waits, so in some runs few do.
    const pullShare = pick([0.05, 0.3]);
    const advanceShare = pick([0.04, 0.12]);
    const keptMs = keepMs - 2 * skewMs;
    witness = createWitness({
      now: () => time,
      promisedMs,
      keptMs,
      database,
      hasBlob: blobs.has,
      hasFaults,
    });
    const { wrong } = witness;
    const told = new Set<Digest>();
    const paths: string[] = [];
    let working: { readonly actor: Actor; readonly since: number }[] = [];
    let [first, second, spare] = [0, 1, 2];
    let favourite: Actor | undefined;
    let built = 0;

    function start(kind: string, work: (stores: Stores, now: () => number) => Promise<unknown>) {
      const free = machines.filter(
        ({ machine: { actor } }) => !working.some((each) => each.actor === actor),
      );
      if (free.length === 0) return;
      const { machine, stores } = pick(free);
      const entry = { actor: { kind, crashed: false }, since: time };
      machine.actor = entry.actor;
      working.push(entry);
      const end = () => void (working = working.filter((each) => each !== entry));
      work(stores, machine.now).then(end, (error: unknown) => {
        end();
        const isMeant = hasFaults || meant.test(String(error));
        if (error instanceof PlanGone || !isMeant) wrong.push(`${kind}: ${String(error)}`);
      });
    }

    const pull = createClient(
      () => registries[pick([first, second])] ?? pick(registries),
      witness,
      (digest) => told.add(digest),
    );

    function build(key: string): void {
      const checked = parseBuildKey(key);
      if (checked === undefined) return;
      start("build", async (stores, now) => {
        if (!(await buildIn(stores, checked, now))) return;
        queued.delete(key);
        built += 1;
      });
    }

    function begin(): void {
      const chance = random();
      const keys = [...queued];
      const sweeps = working.filter(({ actor }) => actor.kind === "sweep").length;
      if (chance < pullShare) {
        const path = pick([...paths, `/v2/${pick(names)}/manifests/${pick(revisions)}`]);
        start("pull", async () => await pull(path));
      } else if (chance < 1.5 * pullShare && told.size > 0) {
        const path = `/v2/git/manifests/${pick([...told])}`;
        start("pull", async () => await pull(path));
      } else if (chance < 0.65 && keys.length > 0) {
        build(pick(keys));
      } else if (sweeps < 2) {
        const signal = random() < 0.05 ? AbortSignal.abort() : new AbortController().signal;
        start("sweep", async (stores, now) => await retentionOver(stores, now)(false, signal));
      }
    }

    // What somebody waits for, and what relies on what was held before, ends within hours; the rest may take weeks.
    function advance(): void {
      const soon = turns.waiting().filter(isSoon);
      const pulls = working.filter(({ actor }) => actor.kind === "pull");
      const longest = Math.min(...[...soon, ...pulls].map(({ since }) => since + stepMs - time));
      const step = pick(steps);
      if (step <= longest && time + step < endOfTime) time += step;
    }

    function crash(): void {
      if (spare < registries.length) first = spare++;
      const others = working.filter(({ actor }) => actor.kind !== "pull");
      if (others.length === 0) return;
      const victim = pick(others);
      victim.actor.crashed = true;
      working = working.filter((each) => each !== victim);
    }

    // Most often one goes on until it has to wait for something, so that the others stand wherever they came to.
    async function goOn(waiting: readonly Waiting[]): Promise<void> {
      if (random() < 0.15) favourite = undefined;
      const next = waiting.find(({ actor }) => actor === favourite) ?? pick(waiting);
      favourite = next.actor;
      const fault = hasFaults && random() < 0.005 ? pick(["before", "after"] as const) : undefined;
      await turns.grant(next, fault);
    }

    blobs.clear();
    queued.clear();
    for (const table of tables) database.run(`delete from ${table}`);
    const quietly = localStores(database, blobs, () => time);
    await learnPlan(quietly, () => time);
    // Some of what was built was pulled, or removed, long ago, and left its layers behind.
    for (let i = below(4); i > 0; i--) {
      const pin = { packageSet: packageSetId(packageSet), revision: pick(revisions) };
      const image = pick(parseImages(pick(names), ["amd64", "arm64"]));
      const key = buildKey(image, pin, options);
      await quietly.cache.request({ key, image, pin }, "pull");
      await buildIn(quietly, key, () => time);
      paths.push(`/v2/${image.architecture}/${image.packages.join("/")}/manifests/${pin.revision}`);
      if (random() < 0.5) continue;
      database.run("delete from manifests");
      database.run("delete from images");
    }
    time += pick([0, hour, 3 * day, 29 * day, 31 * day, 60 * day]);

    // In the end all that was begun is done, so that nothing of it reaches into the next run.
    for (let step = 0; step < stepsARun || turns.waiting().length > 0; step++) {
      const waiting = turns.waiting();
      const chance = random();
      if (step >= stepsARun || (waiting.length > 0 && chance < 0.93 - advanceShare)) {
        await goOn(waiting);
      } else if (chance < 0.993 - advanceShare) {
        begin();
        await turns.settled();
      } else if (chance < 0.993) advance();
      else crash();
      if (wrong.length > 0) throw new Error(`seed ${seed}, step ${step}: ${wrong.join("; ")}`);
    }
    return { ...witness.counts, built };
  };
}

// A sweep that was told to end, and builds that took days and find out.
const meant =
  /AbortError|was lost while the rest of its image was packed|is not in the blob store as it was written/;

function isSoon({ actor, call }: Waiting): boolean {
  return actor.kind === "request" || call === "cache.settle" || call === "manifests.remove";
}
