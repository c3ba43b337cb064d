/** One contender: does its work once and says how long it took, in any unit. */
export type Contender = () => Promise<number>;

/**
 * Runs contenders against each other, the order turned each round, and prints every figure and the medians.
 * Answers with the medians by name.
 */
export async function compare(
  unit: string,
  rounds: number,
  contenders: Readonly<Record<string, Contender>>,
): Promise<Readonly<Record<string, number>>> {
  const names = Object.keys(contenders);
  const figures = new Map(names.map((name) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? names : names.toReversed();
    for (const name of order) {
      const figure = await contenders[name]?.();
      if (figure !== undefined) figures.get(name)?.push(figure);
    }
  }
  const medians: Record<string, number> = {};
  for (const [name, all] of figures) {
    medians[name] = median(all);
    const rounded = all.map((figure) => figure.toFixed(1)).join(" ");
    console.log(`  ${name}: median ${medians[name].toFixed(1)} ${unit}   (${rounded})`);
  }
  return medians;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low, high] = [sorted[middle - 1], sorted[middle]];
  if (high === undefined) return Number.NaN;
  return sorted.length % 2 === 1 || low === undefined ? high : (low + high) / 2;
}

/** Says whether a target was met, in words that can be searched for. */
export function target(what: string, met: boolean): void {
  console.log(`  ${met ? "target met" : "TARGET MISSED"}: ${what}`);
}
