/** Key -> keys of what it needs. */
export type Graph = ReadonlyMap<string, ReadonlySet<string>>;

/** What has become of one or more keys of a graph; `members` and `needs` are sorted. */
export interface Group {
  readonly members: readonly string[];
  readonly needs: readonly string[];
}

/**
 * Makes a graph free of cycles, as a store of immutable paths demands: libraries that need each other, as the C
 * library and libgcc_s do, become one group under their first name. Where `isProgram` keys are in a cycle, it is
 * cut before them, since nothing is linked to a program. Everything comes out sorted.
 */
export function mergeCycles(
  graph: Graph,
  isProgram: (key: string) => boolean,
): ReadonlyMap<string, Group> {
  const reach = reachOf(graph);
  const inCycle = (from: string, to: string) => reach.get(to)?.has(from) === true;
  const cut = new Map(
    [...graph].map(([key, needs]) => [
      key,
      new Set([...needs].filter((need) => !(isProgram(need) && inCycle(key, need)))),
    ]),
  );

  const nameOf = new Map<string, string>();
  const cutReach = reachOf(cut);
  for (const key of [...cut.keys()].sort()) {
    if (nameOf.has(key)) continue;
    nameOf.set(key, key);
    for (const other of cutReach.get(key) ?? []) {
      if (cutReach.get(other)?.has(key) === true) nameOf.set(other, key);
    }
  }

  const groups = new Map<string, { members: string[]; needs: Set<string> }>();
  for (const key of [...cut.keys()].sort()) {
    const name = nameOf.get(key) ?? key;
    const group = groups.get(name) ?? { members: [], needs: new Set() };
    groups.set(name, group);
    group.members.push(key);
    for (const need of cut.get(key) ?? []) group.needs.add(nameOf.get(need) ?? need);
    group.needs.delete(name);
  }
  return new Map(
    [...groups].map(([name, { members, needs }]) => [name, { members, needs: [...needs].sort() }]),
  );
}

/** Key -> everything that can be reached from it; itself only through a cycle. */
function reachOf(graph: Graph): Graph {
  const reach = new Map<string, ReadonlySet<string>>();
  for (const [key, needs] of graph) {
    // A Set's iteration goes on to what is added meanwhile.
    const seen = new Set(needs);
    for (const next of seen) for (const need of graph.get(next) ?? []) seen.add(need);
    reach.set(key, seen);
  }
  return reach;
}
