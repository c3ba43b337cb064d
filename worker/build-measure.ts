import { secondsOf } from "../core/log-event.ts";
import type { Phase } from "../core/record.ts";

/** What a build made of the layers of its image; `packedBytes` are those it packed, compressed. */
export interface PackCounts {
  readonly layersPacked: number;
  readonly layersReused: number;
  readonly packedBytes: number;
}

/** How long a build takes, in each phase it comes to. */
export interface BuildMeasure {
  /** To be told of each phase as it begins, and as often as one likes. */
  enter(phase: Phase): void;
  /** The time that has gone by, as `BuildEvent` says it. */
  seconds(): { readonly buildSeconds: number } & Readonly<Partial<Record<PhaseSeconds, number>>>;
}

type PhaseSeconds = `${Phase}Seconds`;

/** Begins to measure. */
export function measureBuild(): BuildMeasure {
  const begun = performance.now();
  const spent = new Map<Phase, number>();
  let current: { readonly phase: Phase; readonly since: number } | undefined;
  const leave = (): void => {
    if (current === undefined) return;
    const { phase, since } = current;
    spent.set(phase, (spent.get(phase) ?? 0) + performance.now() - since);
    current = undefined;
  };
  return {
    enter(phase) {
      if (current?.phase === phase) return;
      leave();
      current = { phase, since: performance.now() };
    },
    seconds() {
      leave();
      const phases = [...spent].map(([phase, ms]) => [`${phase}Seconds`, secondsOf(ms)] as const);
      return { buildSeconds: secondsOf(performance.now() - begun), ...Object.fromEntries(phases) };
    },
  };
}
