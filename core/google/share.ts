/**
 * Makes callers at the same moment share a read. Who comes while one is on its way shares the next one, so that
 * nobody is given what was read before they asked: five hundred pulls of one image are two reads.
 */
export function sharing<K, T>(read: (key: K) => Promise<T>): (key: K) => Promise<T> {
  const shared = new Map<K, { readonly running: Promise<T>; next?: Promise<T> }>();

  function start(key: K): Promise<T> {
    const running = read(key);
    const entry: { readonly running: Promise<T>; next?: Promise<T> } = { running };
    shared.set(key, entry);
    const end = () => {
      if (entry.next === undefined) shared.delete(key);
    };
    // Its failure is the callers' to see.
    running.then(end, end);
    return running;
  }

  return (key) => {
    const entry = shared.get(key);
    if (entry === undefined) return start(key);
    const again = () => start(key);
    return (entry.next ??= entry.running.then(again, again));
  };
}

/**
 * Lets one caller at a time do a piece of work by its name; those who come meanwhile wait for its end and are told
 * `otherwise`. They see its failure too.
 */
export function alone<T>(otherwise: T): (name: string, work: () => Promise<T>) => Promise<T> {
  const working = new Map<string, Promise<T>>();
  return async (name, work) => {
    const other = working.get(name);
    if (other !== undefined) {
      await other;
      return otherwise;
    }
    const mine = work().finally(() => working.delete(name));
    working.set(name, mine);
    return await mine;
  };
}
