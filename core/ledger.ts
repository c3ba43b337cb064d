import { windows, windowNames, type Limit, type Unit, type Window } from "./quota.ts";

/**
 * What was charged lately, for windows that slide. Each window has sixty slices:
 *
 *        ┌── window ──────────────────────────┐
 *   ▒▒▒▒▒│▒▒▒▒▒│▒▒▒▒▒│ ... │▒▒▒▒▒│▒▒▒▒▒│▒▒▒   │
 *     ▲  ▲                                     now
 *     │  └ counts whole until its last moment is out of the window
 *     └ forgotten
 *
 * What was charged in a slice counts until all of the slice is out of the window. So no window of this length, wherever
 * it begins, ever has more than its limit, and what is charged counts for a sixtieth longer than it would have to.
 */
export type Ledger = Readonly<Record<Window, readonly Slice[]>>;

/** The number of a slice since 1970, and what was charged in it. Slices are in order, and none is empty. */
export type Slice = readonly [number: number, builds: number, seconds: number];

const slicesInWindow = 60;

export const emptyLedger: Ledger = { minute: [], hour: [], day: [] };

/** A ledger in which so much more was charged at this time, and that has forgotten what no window reaches. */
export function entered(ledger: Ledger, at: number, builds: number, seconds: number): Ledger {
  const enteredIn = (window: Window): readonly Slice[] => {
    const number = sliceAt(window, at);
    const present = ledger[window].find((slice) => slice[0] === number) ?? [number, 0, 0];
    const sum = [
      number,
      Math.max(present[1] + builds, 0),
      Math.max(present[2] + seconds, 0),
    ] as const;
    return [...ledger[window].filter((slice) => slice[0] !== number), sum]
      .filter((slice) => slice[1] > 0 || slice[2] > 0)
      .sort((a, b) => a[0] - b[0]);
  };
  return { minute: enteredIn("minute"), hour: enteredIn("hour"), day: enteredIn("day") };
}

/** A ledger without what no window reaches any more. */
export function pruned(ledger: Ledger, now: number): Ledger {
  const prunedIn = (window: Window) =>
    ledger[window].filter((slice) => leavesAt(window, slice) > now);
  return { minute: prunedIn("minute"), hour: prunedIn("hour"), day: prunedIn("day") };
}

/** A limit that leaves no room for one more build, and when it will. */
export interface Full {
  readonly limit: Limit;
  readonly until: number;
}

/** The limit that leaves no room for longest; undefined where there is room. */
export function fullOf(ledger: Ledger, limits: readonly Limit[], now: number): Full | undefined {
  let longest: Full | undefined;
  for (const limit of limits) {
    const until = fullUntil(ledger, limit, now);
    if (until > (longest?.until ?? now)) longest = { limit, until };
  }
  return longest;
}

/** When there will be room below a limit for one more build; not after `now` where there is. */
function fullUntil(ledger: Ledger, { most, unit, window }: Limit, now: number): number {
  const slices = ledger[window].filter((slice) => leavesAt(window, slice) > now);
  let used = slices.reduce((sum, slice) => sum + amountOf(slice, unit), 0);
  // What a build will take is not known: one more may begin while anything is left.
  const isFull = () => (unit === "builds" ? used + 1 > most : used >= most);
  let until = now;
  for (const slice of slices) {
    if (!isFull()) break;
    used -= amountOf(slice, unit);
    until = leavesAt(window, slice);
  }
  return isFull() ? Infinity : until;
}

function amountOf(slice: Slice, unit: Unit): number {
  return unit === "builds" ? slice[1] : slice[2];
}

function sliceAt(window: Window, at: number): number {
  return Math.floor(at / (windows[window] / slicesInWindow));
}

function leavesAt(window: Window, slice: Slice): number {
  return (slice[0] + 1) * (windows[window] / slicesInWindow) + windows[window];
}

/** The longest that anything in a ledger counts. */
export const longestMs = Math.max(
  ...windowNames.map((window) => windows[window] * (1 + 1 / slicesInWindow)),
);
