import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, statfs, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { packageSetId } from "../../core/package-set.ts";
import type { Package } from "../../core/ports.ts";
import { createCollector } from "../../worker/collect.ts";
import { createGate } from "../../worker/gate.ts";
import { createKeep } from "../../worker/keep.ts";
import { createNix } from "../../worker/nix.ts";
import { createRun } from "../../worker/run.ts";
import { eventually } from "./eventually.ts";

// Run by test/support/small-store.ts where /nix is a small disk of its own: plays one scenario, and prints what it saw.
const [scenario = "", folder = ""] = process.argv.slice(2);
const { signal } = new AbortController();
const packageSet = { kind: "path", path: join(folder, "set") } as const;

// Each package is of a size that matters here, and is made with a tool that nothing of it refers to.
const expression = `{ system }:
let
  make = name: text: derivation {
    inherit name system;
    builder = "/bin/sh";
    args = [ "-c" ("PATH=/bin:/usr/bin\\nmkdir $out; " + text) ];
  };
  tool = make "tool-1" "echo used > $out/tool";
  sized = name: text: make name "cat \${tool}/tool; \${text}; head -c 30000000 /dev/urandom > $out/noise";
in
builtins.listToAttrs (map (n: { name = "p\${toString n}"; value = sized "p\${toString n}-1" ":"; }) (builtins.genList (n: n) 6))
// { slow = sized "slow-1" "touch ${folder}/building; while [ ! -e ${folder}/go-on ]; do sleep 0.1; done"; }
`;
await mkdir(packageSet.path, { recursive: true });
await writeFile(join(packageSet.path, "default.nix"), expression);

const run = createRun({ PATH: process.env["PATH"] ?? "", HOME: folder });
const roots = join(folder, "roots");
const log = () => undefined;
const gate = createGate();
const gcRoots = "/nix/var/nix/gcroots/firn";
const keep = await createKeep({ gate, gcRoots, builds: join(roots, "builds"), now: Date.now });
const nix = keep.around(
  createNix({
    run,
    config: async () => "substituters =\nsandbox = false\nbuild-users-group =",
    expressions: resolve(import.meta.dirname, "../../nix"),
    packageSet,
    log,
    roots,
    allowUnfree: false,
    keepSource: keep.keepSource,
  }),
);
const collector = (share: number) =>
  createCollector({ run, log, gate, keep, folder: "/nix", share });
const collectAll = async () => await collector(1)(signal);

async function evaluated(name: string): Promise<readonly Package[]> {
  const pinned = await nix.pin(undefined, signal);
  if (pinned.state !== "pinned") throw new Error(pinned.message);
  const pin = { packageSet: packageSetId(packageSet), revision: pinned.revision };
  const question = { pin, architecture: "amd64" as const, packages: [name], optional: [] };
  const evaluation = await nix.evaluate(question, signal);
  if (evaluation.state !== "evaluated") throw new Error(JSON.stringify(evaluation));
  return evaluation.packages;
}

async function realised(packages: readonly Package[], root: string): Promise<void> {
  const wanted = { packages, root, timeoutMs: 60_000, onProgress: log };
  const ended = await nix.realise(wanted, signal);
  if (ended.state !== "realised") throw new Error(JSON.stringify(ended));
}

const pathsOf = (packages: readonly Package[]) =>
  packages.flatMap(({ outputs }) => outputs.map(({ path }) => path));
const areThere = (paths: readonly string[]) => paths.every((path) => existsSync(path));

/** What a build asks of Nix, and reads, from beginning to end. */
async function build(name: string): Promise<string> {
  const packages = await evaluated(name);
  await realised(packages, name);
  for (const { path } of await nix.closure(pathsOf(packages), signal)) {
    for (const file of await readdir(path)) await readFile(join(path, file));
  }
  await nix.release(name);
  return pathsOf(packages)[0] ?? "";
}

async function percentInUse(): Promise<number> {
  const { blocks, bfree } = await statfs("/nix");
  return Math.round(((blocks - bfree) * 100) / blocks);
}

const scenarios: Readonly<Record<string, () => Promise<unknown>>> = {
  /** One build, with all that can go gone after each of its steps. */
  async phases() {
    const packages = await evaluated("slow");
    const outputs = pathsOf(packages);
    await collectAll();
    const afterEvaluating = areThere(packages.map(({ derivation }) => derivation));
    const realising = realised(packages, "slow");
    await eventually("it is being built", () => existsSync(join(folder, "building")));
    await collectAll();
    await writeFile(join(folder, "go-on"), "");
    await realising;
    await collectAll();
    const afterRealising = areThere(outputs);
    await nix.closure(outputs, signal);
    await collectAll();
    const whilePacking = areThere(outputs.map((path) => join(path, "noise")));
    const tools = (await readdir("/nix/store")).filter((name) => name.endsWith("-tool-1"));
    await nix.release("slow");
    await collectAll();
    return { afterEvaluating, afterRealising, whilePacking, tools, afterwards: areThere(outputs) };
  },
  /** Builds while all that can go goes, again and again. */
  async beside() {
    const over = new AbortController();
    let rounds = 0;
    const clearing = (async () => {
      for (; !over.signal.aborted; rounds++) {
        await collectAll();
        await sleep(20);
      }
    })();
    const lanes = [0, 1].map(async (lane) => {
      for (let n = lane; n < 4; n += 2) await build(`p${n}`);
    });
    await Promise.all(lanes).finally(() => over.abort());
    await clearing;
    return { rounds };
  },
  /** Builds of more than the disk holds. */
  async share() {
    const collect = collector(50);
    const inUse: number[] = [];
    for (let n = 0; n < 6; n++) {
      await build(`p${n}`);
      await collect(signal);
      inUse.push(await percentInUse());
    }
    return { inUse };
  },
  /** Four packages, of which the second and the third are used least lately. */
  async order() {
    const paths: string[] = [];
    for (const name of ["p0", "p1", "p2", "p3", "p0"]) {
      paths.push(await build(name));
      await sleep(20);
    }
    await collector((await percentInUse()) - 1)(signal);
    return { there: paths.slice(0, 4).map((path) => existsSync(path)) };
  },
};

const play = scenarios[scenario];
if (play === undefined) throw new Error(`there is no scenario "${scenario}"`);
process.stdout.write(`${JSON.stringify(await play())}\n`);
