/** One of those who wait for the same; it counts until it is disposed. */
export interface Joined<T> extends Disposable {
  readonly result: Promise<T>;
}

interface Shared<T> {
  readonly result: Promise<T>;
  readonly stop: AbortController;
  waiters: number;
}

/**
 * Lets all who wait for the same wait for it together: the first begins it, who comes until it has ended joins, and it is
 * stopped when the last has gone. Its failure is everybody's.
 */
export function waitingTogether<T>(): (
  key: string,
  begin: (stop: AbortSignal) => Promise<T>,
) => Joined<T> {
  const shared = new Map<string, Shared<T>>();

  function start(key: string, begin: (stop: AbortSignal) => Promise<T>): Shared<T> {
    const stop = new AbortController();
    const result = begin(stop.signal);
    const entry: Shared<T> = { result, stop, waiters: 0 };
    const end = () => {
      if (shared.get(key) === entry) shared.delete(key);
    };
    // Both ends are the waiters' to see; here it only matters that it is over.
    result.then(end, end);
    shared.set(key, entry);
    return entry;
  }

  return (key, begin) => {
    const entry = shared.get(key) ?? start(key, begin);
    entry.waiters += 1;
    return {
      result: entry.result,
      [Symbol.dispose]() {
        entry.waiters -= 1;
        if (entry.waiters > 0) return;
        if (shared.get(key) === entry) shared.delete(key);
        entry.stop.abort();
      },
    };
  };
}
