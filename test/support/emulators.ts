import { randomUUID } from "node:crypto";
import { beforeEach, inject } from "vitest";

/** What became of the emulators in this run; the hosts are `host:port`. */
export type ProvidedEmulators =
  | { readonly state: "running"; readonly firestore: string; readonly pubsub: string }
  | { readonly state: "missing" | "broken"; readonly reason: string };

declare module "vitest" {
  interface ProvidedContext {
    readonly emulators: ProvidedEmulators;
  }
}

/** Skips the tests of this file, and says why, on a machine without emulators; in CI, where nothing is skipped, they fail. */
export function needEmulators(): void {
  beforeEach((context) => {
    const emulators = inject("emulators");
    if (emulators.state === "running") return;
    const { state, reason } = emulators;
    if (state === "missing" && process.env["CI"] !== "true") context.skip(reason);
    throw new Error(state === "missing" ? `${reason}, and in CI nothing is skipped` : reason);
  });
}

/** The hosts of the emulators, for a test in a file that has called `needEmulators`. */
export function emulatorHosts(): { readonly firestore: string; readonly pubsub: string } {
  const emulators = inject("emulators");
  if (emulators.state !== "running") throw new Error(emulators.reason);
  return emulators;
}

/** A project nobody else uses: the emulators make one of any name, and projects see nothing of each other. */
export function freshProject(): string {
  return `firn-${randomUUID()}`;
}
