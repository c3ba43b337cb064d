/** Lets many work side by side, or one alone. */
export interface Gate {
  /** Runs work beside other shared work; waits while somebody is alone, or waits to be. */
  shared<T>(work: () => Promise<T>): Promise<T>;
  /** Runs work when everything that began before it has ended, and nothing else until it has. */
  alone<T>(work: () => Promise<T>): Promise<T>;
}

export function createGate(): Gate {
  const sharing = new Set<Promise<unknown>>();
  // Ends with the last of those that wait to be alone, or are; undefined where there are none.
  let shut: Promise<void> | undefined;

  return {
    async shared(work) {
      for (let before = shut; before !== undefined; before = shut) await before;
      const ended = Promise.withResolvers<void>();
      sharing.add(ended.promise);
      try {
        return await work();
      } finally {
        sharing.delete(ended.promise);
        ended.resolve();
      }
    },
    async alone(work) {
      const before = shut;
      const ended = Promise.withResolvers<void>();
      shut = ended.promise;
      try {
        await before;
        await Promise.all(sharing);
        return await work();
      } finally {
        if (shut === ended.promise) shut = undefined;
        ended.resolve();
      }
    },
  };
}
