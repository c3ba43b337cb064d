/**
 * Lets the first who comes do a piece of work by its name, and gives those who come meanwhile what came of it. Where it
 * failed, it did so for the first one's sake, and the next one tries.
 */
export function firstOf<T>(): (name: string, work: () => Promise<T>) => Promise<T> {
  const working = new Map<string, Promise<T>>();
  return async (name, work) => {
    for (let other = working.get(name); other !== undefined; other = working.get(name)) {
      const outcome = await other.then(
        (value) => ({ value }),
        () => undefined,
      );
      if (outcome !== undefined) return outcome.value;
    }
    const mine = work().finally(() => working.delete(name));
    working.set(name, mine);
    return await mine;
  };
}
