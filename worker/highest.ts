/** Those `count` of `items` with the highest values, in no particular order; of equal values what `byTie` puts first. */
export function highest<T extends { readonly value: number }>(
  items: readonly T[],
  count: number,
  byTie: (a: T, b: T) => number,
): T[] {
  if (items.length <= count) return [...items];
  if (count <= 0) return [];
  // Numbers alone are sorted many times faster than what they belong to.
  const values = new Float64Array(items.length);
  for (let index = 0; index < items.length; index++) values[index] = items[index]?.value ?? 0;
  const least = values.sort()[items.length - count] ?? 0;
  const above = items.filter(({ value }) => value > least);
  const equal = items.filter(({ value }) => value === least).sort(byTie);
  return [...above, ...equal.slice(0, count - above.length)];
}
