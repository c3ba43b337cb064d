import type { DocumentReference, DocumentSnapshot } from "@google-cloud/firestore";

/**
 * A document as it is and after each change, each decoded; changes that follow closely are seen as one. Ends with the
 * signal; throws when Firestore refuses. Each watch is a stream of its own, one read at the start and one a change:
 * share it.
 *
 * After an outage the library listens again by itself, with growing pauses: what it then sees may be half a minute
 * old, so that whoever waits should look for themselves now and then.
 */
export async function* watchDocument<T>(
  open: () => Promise<DocumentReference>,
  decode: (snapshot: DocumentSnapshot) => T,
  signal: AbortSignal,
): AsyncGenerator<T, void, void> {
  if (signal.aborted) return;
  const document = await open();
  let latest: DocumentSnapshot | undefined;
  let refused: Error | undefined;
  let changed = Promise.withResolvers<void>();
  const wake = () => changed.resolve();
  const unsubscribe = document.onSnapshot(
    (snapshot) => {
      latest = snapshot;
      wake();
    },
    (error) => {
      refused = error;
      wake();
    },
  );
  signal.addEventListener("abort", wake, { once: true });
  try {
    while (!signal.aborted) {
      if (refused !== undefined) {
        throw new Error(`the watch of ${document.path} has ended`, { cause: refused });
      }
      const snapshot = latest;
      latest = undefined;
      if (snapshot !== undefined) yield decode(snapshot);
      else {
        await changed.promise;
        changed = Promise.withResolvers<void>();
      }
    }
  } finally {
    signal.removeEventListener("abort", wake);
    unsubscribe();
  }
}
