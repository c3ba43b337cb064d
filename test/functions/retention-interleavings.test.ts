import { expect, it } from "vitest";
import { openDatabaseInMemory } from "../../core/local/database.ts";
import { createRetentionRuns } from "../support/retention-run.ts";

const runs = 10_000;

it(`in ${runs} random orders of builds, pulls, expiry and sweeps no manifest is served that lacks a blob`, async () => {
  using database = openDatabaseInMemory();
  const run = createRetentionRuns(database);
  const total = { served: 0, built: 0, removedBlobs: 0, removedManifests: 0 };
  for (let seed = 0; seed < runs; seed++) {
    const counts = await run(seed);
    for (const name of ["served", "built", "removedBlobs", "removedManifests"] as const) {
      total[name] += counts[name];
    }
  }
  // Seeds are the numbers of the runs: whoever fails names its own.
  expect(total.served).toBeGreaterThan(runs / 4);
  expect(total.built).toBeGreaterThan(runs / 2);
  expect(total.removedBlobs).toBeGreaterThan(runs);
  expect(total.removedManifests).toBeGreaterThan(runs / 10);
}, 600_000);
