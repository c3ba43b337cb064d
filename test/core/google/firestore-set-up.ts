import type { Firestore, WriteBatch } from "@google-cloud/firestore";
import { createGoogleBuildCache } from "../../../core/google/build-cache.ts";
import { connectFirestore, type FirestoreConnection } from "../../../core/google/firestore.ts";
import type { BuildCache } from "../../../core/ports.ts";
import { emulatorHosts, freshProject } from "../../support/emulators.ts";

/** A connection to a project of the emulator: one that nobody else uses, if it is not said which. */
export function connect(projectId = freshProject()): FirestoreConnection {
  return connectFirestore({ projectId, host: emulatorHosts().firestore, ssl: false });
}

/** Build caches over one project, and a clock for all that is moved by hand; it is one clock, so nothing is skewed. */
export async function openBuildCaches({ skewMs }: { readonly skewMs?: number } = { skewMs: 0 }) {
  const projectId = freshProject();
  const opened = new AsyncDisposableStack();
  let now = 1_000_000;
  const clock = () => now;
  /** The cache of another process, with a client of its own. */
  async function another(): Promise<{ readonly cache: BuildCache; readonly client: Firestore }> {
    const firestore = opened.use(connect(projectId));
    const cache = createGoogleBuildCache(firestore, clock, skewMs);
    return { cache, client: await firestore.open() };
  }
  const first = await another();
  const beside: FirestoreConnection = {
    open: async () => first.client,
    light: () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
  return {
    ...first,
    another,
    /** As many caches as if there were so many processes, over one client, for the sake of speed. */
    many: (count: number) =>
      Array.from({ length: count }, () => createGoogleBuildCache(beside, clock, skewMs)),
    advance: (ms: number) => void (now += ms),
    now: clock,
    beside,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Has `around` do the commits of a client, as a network would that delays or loses them. */
export function meddle(
  client: Firestore,
  around: (commit: () => Promise<unknown>) => Promise<unknown>,
): void {
  const original = client.batch.bind(client);
  client.batch = (): WriteBatch => {
    const batch = original();
    const commit = batch.commit.bind(batch);
    batch.commit = () => around(commit) as ReturnType<WriteBatch["commit"]>; // nobody looks at what it gives
    return batch;
  };
}

/** An error as Firestore's library throws it. */
export function failureWith(code: number): Error {
  return Object.assign(new Error(`${code}: said by the test`), { code });
}
