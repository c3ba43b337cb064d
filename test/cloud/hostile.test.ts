import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createGoogleBuildCache } from "../../core/google/build-cache.ts";
import { connectFirestore, type FirestoreConnection } from "../../core/google/firestore.ts";
import { addressOf, ask, attack, type Asker } from "../support/attack.ts";
import { startCloud, type Cloud } from "../support/cloud.ts";
import { emulatorHosts, freshProject, needEmulators } from "../support/emulators.ts";
import { eventually } from "../support/eventually.ts";
import { startFirestoreProxy, type FirestoreProxy } from "../support/firestore-proxy.ts";
import { createRepository } from "../support/nixpkgs.ts";
import { temporaryFolder, type TemporaryFolder } from "../support/temporary-folder.ts";

needEmulators();

// In all, so that how long the tests take means nothing.
const quota = { client: 6, anonymous: 14, all: 24 } as const;
const asked = 10_000;
// Its charge, its record, and that it is pulled; and for each process of four that tries at once, a write that is lost.
const writesOfABuild = 8;
// Thirty thousand requests, on a machine that runs everything they go through.
const timeout = 300_000;
const machines = ["mallory", "ci"] as const;

let cloud: Cloud;
let folder: TemporaryFolder;
let proxy: FirestoreProxy;
let firestore: FirestoreConnection;

beforeAll(async () => {
  folder = await temporaryFolder();
  const repository = await createRepository(folder.path);
  await repository.commit("main");
  const tokens = machines.map((name) => `${name}:${sha256(tokenOf(name))}\n`);
  await writeFile(join(folder.path, "tokens"), tokens.join(""));
  await writeFile(join(folder.path, "keys"), `${"k".repeat(40)}\n`);
  const project = freshProject();
  const emulators = emulatorHosts();
  proxy = await startFirestoreProxy(emulators.firestore);
  firestore = connectFirestore({ projectId: project, host: emulators.firestore, ssl: false });
  cloud = await startCloud({
    emulators,
    project,
    packageSet: `git+file://${repository.path}`,
    onLog: (line) => void (line.includes('"ERROR"') && console.log(line)),
    registries: 4,
    workers: 1,
    withAll: false,
    functionsEnv: {
      FIRESTORE_EMULATOR_HOST: proxy.host,
      FIRN_QUOTA: `client=${quota.client}/day; anonymous=${quota.anonymous}/day; all=${quota.all}/day`,
      FIRN_ACCESS: "anonymous=build, token:*=build",
      FIRN_TOKENS: join(folder.path, "tokens"),
      FIRN_TOKEN_KEYS: join(folder.path, "keys"),
      FIRN_HOLD_SECONDS: "1",
    },
    workerEnv: { FIRN_NIX_CONFIG: "sandbox = false; substituters =" },
  });
});
afterAll(async () => {
  await cloud[Symbol.asyncDispose]();
  await firestore[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const tokenOf = (name: string) => sha256(`the token of ${name}`);
const somebody = (name: (typeof machines)[number]): Asker => ({
  address: "198.51.100.9",
  authorization: `Bearer ${tokenOf(name)}`,
});
const visitor: Asker = { address: "192.0.2.20" };
const ports = () => cloud.registries.map(({ port }) => port);

/** Builds that were begun so far. */
async function begun(): Promise<number> {
  return (await createGoogleBuildCache(firestore, Date.now).recent(1000)).length;
}

/** Writes that were asked of the store so far. */
function writes(): number {
  const counted = ["Commit", "BatchWrite", "Write", "PATCH"].map((call) => proxy.calls.get(call));
  return counted.reduce<number>((sum, count) => sum + (count ?? 0), 0);
}

/** Pulls an image of another process each time until it is served; gives what it was answered with that it should not. */
async function pulled(name: string, who: Asker): Promise<readonly number[]> {
  const wrong: number[] = [];
  await eventually(
    `${name} is served`,
    async () => {
      const all = await Promise.all(ports().map((port) => ask(port, name, who)));
      wrong.push(...all.filter((status) => status !== 200 && status !== 307));
      return all.every((status) => status === 200);
    },
    120_000,
  );
  return wrong;
}

/** What an attack comes to, while others pull what is there, and one of them what is not. */
async function underAttack(attackers: (i: number) => Asker, cold: string, other: Asker) {
  const before = { begun: await begun(), writes: writes() };
  const over = new AbortController();
  const attacking = attack(ports(), asked, attackers, cold).finally(() => over.abort());
  const warm = new Map<number, number>();
  const pulling = (async () => {
    for (let i = 0; !over.signal.aborted; i++) {
      const status = await ask(ports()[i % 4] ?? 0, "base", visitor);
      warm.set(status, (warm.get(status) ?? 0) + 1);
    }
  })();
  const wrong = await pulled(`fresh.${cold}`, other);
  const answers = await attacking;
  await pulling;
  return {
    wrong,
    warm: [...warm.keys()],
    refused: answers.get(429) ?? 0,
    // Of processes that all try for the same client, one may lose too often: that is the attacker's own doing.
    others: [...answers.keys()].filter((status) => ![429, 404, 307, 503].includes(status)),
    begun: (await begun()) - before.begun,
    writes: writes() - before.writes,
  };
}

test("what is there is pulled by everybody before the attack", async () => {
  expect(await pulled("base", visitor)).toEqual([]);
  expect(await begun()).toBe(1);
});

test(
  "ten thousand cold names from one address are as many builds as its quota, and others have theirs built",
  { timeout },
  async () => {
    const one = { address: "203.0.113.7" };
    const seen = await underAttack(() => one, "n1", { address: "192.0.2.30" });
    expect(seen).toMatchObject({ wrong: [], warm: [200], others: [] });
    expect(seen.begun).toBe(quota.client + 1);
    expect(seen.refused).toBeGreaterThan(asked * 0.99);
    expect(seen.writes).toBeLessThanOrEqual(seen.begun * writesOfABuild);
  },
);

test(
  "ten thousand from as many addresses are as many builds as all of them may have, and accounts have theirs built",
  { timeout },
  async () => {
    const seen = await underAttack((i) => ({ address: addressOf(i) }), "n2", somebody("ci"));
    expect(seen).toMatchObject({ wrong: [], warm: [200], others: [] });
    // Of these, all that anonymous had left.
    expect(seen.begun).toBe(quota.anonymous - 1 - (quota.client + 1) + 1);
    expect(seen.refused).toBeGreaterThan(asked * 0.99);
    expect(seen.writes).toBeLessThanOrEqual(seen.begun * writesOfABuild);
  },
);

test(
  "ten thousand from one account are as many builds as its quota, wherever it asks from",
  { timeout },
  async () => {
    const mallory = (i: number) => ({ ...somebody("mallory"), address: addressOf(i) });
    const seen = await underAttack(mallory, "n3", somebody("ci"));
    expect(seen).toMatchObject({ wrong: [], warm: [200], others: [] });
    expect(seen.begun).toBe(quota.client + 1);
    expect(seen.refused).toBeGreaterThan(asked * 0.99);
    expect(seen.writes).toBeLessThanOrEqual(seen.begun * writesOfABuild);
  },
);
