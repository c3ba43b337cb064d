import { lutimes, lstat, mkdir, readdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import type { Nix } from "../core/ports.ts";
import type { Gate } from "./gate.ts";

/** Keeps in the store what builds need, from the moment it is there; and as long as there is room, what they needed. */
export interface Keep {
  /** The same Nix, with what it makes for builds kept. */
  around(nix: Nix): Nix;
  /** Keeps the source of a package set that packages are being looked up in. */
  readonly keepSource: (path: string) => Promise<void>;
  /** What keeps something that nobody needs now, used least lately first. To be asked for behind a closed gate. */
  idle(): Promise<readonly string[]>;
  /** Lets go of one of those. */
  drop(root: string): Promise<void>;
}

export interface KeepTools {
  /** Shut while something is collected. */
  readonly gate: Gate;
  /** Below the folder in which Nix looks for roots: a link there keeps what it leads to. */
  readonly gcRoots: string;
  /** The folder in which `realise` makes a folder of roots for each build. */
  readonly builds: string;
  readonly now: () => number;
}

// Between being looked up and being built; longer than any build waits for its turn.
const derivationMs = 60 * 60_000;

/**
 * Makes the folders for it. Throws where Nix's own is not this user's: in a store that is shared by a daemon it is not
 * for firn to say what goes.
 */
export async function createKeep({ gate, gcRoots, builds, now }: KeepTools): Promise<Keep> {
  const derivations = join(gcRoots, "derivations");
  const sources = join(gcRoots, "sources");
  const folders = [derivations, sources, builds];
  await Promise.all(folders.map((path) => mkdir(path, { recursive: true }))).catch((cause) => {
    const message = `FIRN_DISK_SHARE: ${gcRoots} cannot be made, so the Nix store is not the worker's own: leave it out`;
    throw new Error(message, { cause });
  });
  /** Root -> how many builds are under way that have it. */
  const building = new Map<string, number>();
  let surveys = 0;

  async function link(folder: string, path: string): Promise<void> {
    const root = join(folder, path.slice(path.lastIndexOf("/") + 1));
    await symlink(path, root).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
    await touch(root);
  }

  async function touch(root: string): Promise<void> {
    await lutimes(root, now() / 1000, now() / 1000);
  }

  async function rootsIn(folder: string) {
    const roots = (await readdir(folder)).map((name) => join(folder, name));
    return await Promise.all(
      roots.map(async (root) => ({ root, usedMs: (await lstat(root)).mtimeMs })),
    );
  }

  const keepSource = async (path: string): Promise<void> => await link(sources, path);
  const drop = async (root: string): Promise<void> => await rm(root, { recursive: true });

  return {
    keepSource,
    drop,
    async idle() {
      for (const { root, usedMs } of await rootsIn(derivations)) {
        if (now() - usedMs > derivationMs) await drop(root);
      }
      const built = (await rootsIn(builds)).filter(({ root }) => !building.has(root));
      const found = surveys > 0 ? built : [...built, ...(await rootsIn(sources))];
      return found.sort((a, b) => a.usedMs - b.usedMs).map(({ root }) => root);
    },
    around: (nix) => ({
      closure: (paths, signal) => nix.closure(paths, signal),
      pin: (reference, signal) => gate.shared(() => nix.pin(reference, signal)),
      // Nix itself protects what it has made until it ends, and somebody else what it is to make next.
      evaluate: (question, signal) =>
        gate.shared(async () => {
          const evaluation = await nix.evaluate(question, signal);
          if (evaluation.state !== "evaluated") return evaluation;
          const made = new Set(evaluation.packages.map(({ derivation }) => derivation));
          for (const derivation of made) await link(derivations, derivation);
          return evaluation;
        }),
      async realise(wanted, signal) {
        const root = join(builds, wanted.root);
        building.set(root, (building.get(root) ?? 0) + 1);
        return await nix.realise(wanted, signal);
      },
      async release(name) {
        const root = join(builds, name);
        const others = (building.get(root) ?? 1) - 1;
        if (others > 0) building.set(root, others);
        else building.delete(root);
        const kept = await readdir(root).catch(() => []); // it never came to be
        if (kept.length > 0) await touch(root);
        else await nix.release(name);
      },
      // It may take minutes: only its source has to stay, and to be there before.
      async survey(pin, architecture, signal) {
        surveys += 1;
        try {
          const nothing = { packages: [], optional: [] };
          await gate.shared(() => nix.evaluate({ pin, architecture, ...nothing }, signal));
          return await nix.survey(pin, architecture, signal);
        } finally {
          surveys -= 1;
        }
      },
    }),
  };
}
