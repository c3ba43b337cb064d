/** Tells watchers in this process that something with a name has changed. */
export interface Changes {
  say(name: string): void;
  /** What `read` answers now, and again after each change; several changes may be seen as one. Ends with the signal. */
  watch<T>(name: string, read: () => T, signal: AbortSignal): AsyncGenerator<T, void, void>;
}

export function createChanges(): Changes {
  const watchers = new Map<string, Set<() => void>>();
  return {
    say(name) {
      for (const wake of watchers.get(name) ?? []) wake();
    },
    async *watch(name, read, signal) {
      if (signal.aborted) return;
      let changed = Promise.withResolvers<void>();
      const wake = () => changed.resolve();
      const beside = watchers.get(name) ?? new Set();
      watchers.set(name, beside.add(wake));
      signal.addEventListener("abort", wake, { once: true });
      try {
        while (!signal.aborted) {
          // Made before reading: a change during the reader's turn is then not lost.
          changed = Promise.withResolvers<void>();
          yield read();
          if (!signal.aborted) await changed.promise;
        }
      } finally {
        signal.removeEventListener("abort", wake);
        beside.delete(wake);
        if (beside.size === 0) watchers.delete(name);
      }
    },
  };
}
