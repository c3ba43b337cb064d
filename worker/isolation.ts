import { messageOf, type Log } from "../core/log.ts";
import { buildsElsewhere } from "./nix-daemon.ts";
import { openCell, type Cell, type CellTools, type Confine } from "./cell.ts";

/** Whether what a package set does is kept from the network and the processes of the machine. */
export type IsolationRule = "auto" | "required" | "off";

export interface Isolation {
  readonly cell: Cell | undefined;
  /** Why it is not as narrow as it could be; undefined where it is. */
  readonly reason: string | undefined;
  readonly confine: Confine;
}

export interface IsolationTools extends CellTools {
  readonly rule: IsolationRule;
  /** Why what is built needs the machine's own network; undefined where the way out is enough. */
  readonly needsNetwork: string | undefined;
}

/** Throws where isolation is required and cannot be had. */
export async function findIsolation(
  tools: IsolationTools,
  signal: AbortSignal,
): Promise<Isolation> {
  const { rule, needsNetwork, run } = tools;
  const elsewhere = rule === "off" ? undefined : await buildsElsewhere(run, signal);
  const found = rule === "off" ? "FIRN_ISOLATION is off" : await opened(tools, signal);
  const cell = typeof found === "string" ? undefined : found;
  const reason = typeof found === "string" ? found : (needsNetwork ?? elsewhere);
  if (rule === "required" && reason !== undefined) {
    await cell?.[Symbol.asyncDispose]();
    throw new Error(
      `FIRN_ISOLATION is "required", and Nix cannot be isolated: ${reason}. Allow user namespaces, have util-linux and iproute2 installed, or set it to auto`,
    );
  }
  return {
    cell,
    reason,
    async confine(network, file, args) {
      if (network === "way-out" && needsNetwork !== undefined) return undefined;
      return await cell?.enter(network, file, args);
    },
  };
}

async function opened(tools: CellTools, signal: AbortSignal): Promise<Cell | string> {
  try {
    return await openCell(tools, signal);
  } catch (error) {
    signal.throwIfAborted();
    return messageOf(error).split("\n").at(-1) ?? "";
  }
}

/** Says what holds for what is built from now on. */
export function tellIsolation({ reason, cell }: Isolation, log: Log): void {
  if (reason === undefined) {
    log("INFO", "Nix is isolated: metadata servers and this machine are out of its reach");
    return;
  }
  const what = cell === undefined ? "Nix is" : "builds are";
  const message = `${what} not isolated, and can reach metadata servers and this machine: ${reason}`;
  log("WARNING", message, { isolation: "off" });
}
