import { readdirSync, readFileSync } from "node:fs";

/** A process, told apart from later ones with the same number by when it started. */
export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly startedAt: string;
  readonly command: string;
}

/** All processes of this machine that have not ended yet. */
export function processes(): readonly Process[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, "utf8");
        // The name of the program, in parentheses, may itself hold blanks and parentheses.
        const [state, parent, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        if (state === "Z" || state === "X") return [];
        const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim();
        return [
          { pid: Number(name), parent: Number(parent), startedAt: fields[17] ?? "", command },
        ];
      } catch {
        return []; // it ended while it was looked at
      }
    });
}

/** The children of a process, their children and so on. */
export function descendantsOf(pid: number): readonly Process[] {
  const all = processes();
  const found: Process[] = [];
  const look = (parent: number): void => {
    for (const child of all.filter((each) => each.parent === parent)) {
      found.push(child);
      look(child.pid);
    }
  };
  look(pid);
  return found;
}

/** Those that have not ended. */
export function stillAlive(these: readonly Process[]): readonly Process[] {
  const now = new Set(processes().map(({ pid, startedAt }) => `${pid} ${startedAt}`));
  return these.filter(({ pid, startedAt }) => now.has(`${pid} ${startedAt}`));
}

/** Ends processes whatever they are doing. */
export function killAll(these: readonly Process[]): void {
  for (const { pid } of stillAlive(these)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself in the meantime.
    }
  }
}
