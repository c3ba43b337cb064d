import type { Log } from "../core/log.ts";
import type { Clock } from "../core/ports.ts";
import { visible } from "../core/visible.ts";

/** Writes down who was refused what: a line each, but no more than some in a while, whatever somebody tries. */
export type NoteRefusal = (who: string, address: string | undefined, why: string) => void;

const most = 20;
const whileMs = 10_000;

export function createRefusals(log: Log, now: Clock): NoteRefusal {
  let since = -Infinity;
  let noted = 0;
  return (who, address, why) => {
    if (now() - since >= whileMs) {
      if (noted > most) log("WARNING", `refused ${noted - most} more, which were not written down`);
      since = now();
      noted = 0;
    }
    noted += 1;
    if (noted > most) return;
    // An account is named by whoever wants to be it.
    const named = visible(who.slice(0, 128));
    const from = address === undefined ? "" : ` at ${address}`;
    log("WARNING", `refused ${named}${from}: ${why}`, { who: named, address });
  };
}
