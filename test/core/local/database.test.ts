import { expect, it } from "vitest";
import { createLocalBuildCache } from "../../../core/local/build-cache.ts";
import { openDatabase, type Database } from "../../../core/local/database.ts";
import { createLocalJobQueue } from "../../../core/local/job-queue.ts";
import type { Job } from "../../../core/ports.ts";
import { createLocalPins } from "../../../core/local/pins.ts";
import { buildOf, failed, ready } from "../../support/builds.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const git = buildOf("git");

it("a data folder belongs to one process: the second is told what to do", async () => {
  await using folder = await temporaryFolder();
  using _first = openDatabase(folder.path);
  expect(() => openDatabase(folder.path)).toThrow(
    `another firn uses the data folder ${folder.path}: stop it, or set FIRN_DATA`,
  );
});

it("what a former process held is free at once for the next, and its records and jobs are there", async () => {
  await using folder = await temporaryFolder();
  {
    using former = openDatabase(folder.path);
    const cache = createLocalBuildCache(former, Date.now);
    await cache.request(git, "pull");
    await createLocalJobQueue(former, Date.now, () => undefined).publish({
      kind: "build",
      key: git.key,
    });
    expect(await cache.claim(git.key, "former", 60_000)).toMatchObject({ state: "mine" });
  }
  using database = openDatabase(folder.path);
  const cache = createLocalBuildCache(database, Date.now);
  expect(await cache.read(git.key)).toMatchObject({ state: "building", image: git.image });
  expect(await cache.claim(git.key, "next", 60_000)).toMatchObject({ state: "mine" });
  const jobs: Job[] = [];
  const stop = new AbortController();
  await createLocalJobQueue(database, Date.now, () => undefined).consume(
    1,
    async (job) => {
      jobs.push(job);
      stop.abort();
      return { outcome: "acknowledge" };
    },
    stop.signal,
  );
  expect(jobs).toEqual([{ kind: "build", key: git.key }]);
});

it("failures are forgotten at the next start: what made them may have been mended", async () => {
  await using folder = await temporaryFolder();
  {
    using former = openDatabase(folder.path);
    const cache = createLocalBuildCache(former, Date.now);
    await cache.request(git, "pull");
    const claimed = await cache.claim(git.key, "former", 60_000);
    if (claimed.state === "mine") await cache.settle(claimed.lease, failed());
    expect(await cache.request(git, "pull")).toMatchObject({ outcome: "joined" });
  }
  using database = openDatabase(folder.path);
  const cache = createLocalBuildCache(database, Date.now);
  expect(await cache.request(git, "pull")).toMatchObject({ outcome: "created" });
});

it("tags that people made up are not looked at, and go after a day", async () => {
  await using folder = await temporaryFolder();
  using database = openDatabase(folder.path);
  const pins = createLocalPins(database);
  const current = { revision: "r1", resolvedAt: 1 };
  await pins.replace("real", 0, { reference: "main", askedAt: 1, current });
  for (let i = 0; i < 25; i++) await pins.replace(`${i}`, 0, { reference: `${i}`, askedAt: 2 });
  const plan = database.all(
    "explain query plan select id from pins where pin ->> '$.current' is not null order by id",
  );
  expect(plan.map(({ detail }) => detail)).toEqual([
    expect.stringContaining("INDEX pins_standing"),
  ]);
  const later = 2 + 25 * 60 * 60_000;
  for (let i = 0; i < 3; i++)
    await pins.replace(`late ${i}`, 0, { reference: "x", askedAt: later });
  const left = database.all("select id from pins order by id").map(({ id }) => id);
  expect(left).toEqual(["late 0", "late 1", "late 2", "real"]);
});

it("a transaction that fails leaves nothing behind", async () => {
  await using folder = await temporaryFolder();
  using database = openDatabase(folder.path);
  const attempt = () =>
    database.transaction(() => {
      database.run("insert into layers values ('key', '{}')");
      throw new Error("half-way");
    });
  expect(attempt).toThrow("half-way");
  expect(database.all("select * from layers")).toEqual([]);
  expect(database.transaction(() => database.run("insert into layers values ('key', '{}')"))).toBe(
    1,
  );
});

it("the revisions of an image are found by an index, in a folder of an earlier version as well", async () => {
  await using folder = await temporaryFolder();
  {
    using former = openDatabase(folder.path);
    former.run("drop index images_ready");
    const cache = createLocalBuildCache(former, Date.now);
    await cache.request(git, "pull");
    const claimed = await cache.claim(git.key, "former", 60_000);
    if (claimed.state !== "mine") throw new Error("the build could not be claimed");
    await cache.settle(claimed.lease, ready("git"));
  }
  using database = openDatabase(folder.path);
  const plans: unknown[] = [];
  const watched: Database = {
    ...database,
    all(sql, ...values) {
      plans.push(...database.all(`explain query plan ${sql}`, ...values));
      return database.all(sql, ...values);
    },
  };
  const cache = createLocalBuildCache(watched, Date.now);
  expect(await cache.revisions(git.pin.packageSet, [git.image], 10)).toEqual([git.pin.revision]);
  expect(plans).toMatchObject([{ detail: expect.stringMatching(/^SEARCH .*images_ready/) }]);
});
