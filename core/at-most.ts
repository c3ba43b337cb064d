/**
 * Options of a cache of at most so many entries, for `new LRUCache({ ...atMost(1000) })`. Its own `max` takes the memory of
 * all of them at once, which is most of what a process computes of its own before the first answer (npm run bench --
 * start).
 */
export const atMost = (entries: number) => ({ maxSize: entries, sizeCalculation: () => 1 });
