import {
  keyOf,
  type Command,
  type Live,
  type Properties,
  type Resource,
  type Value,
} from "./resource.ts";

/** One thing to do. */
export interface Step {
  readonly action: "create" | "update" | "remove";
  readonly resource: Resource;
  readonly commands: readonly Command[];
  /** What is not as it is to be, as the end of "because ...". */
  readonly because: string;
}

export interface Difference {
  /** In the order in which they are to be done. */
  readonly steps: readonly Step[];
  /** What stands in the way and no command can change, with what to do. */
  readonly obstacles: readonly string[];
}

/** What is to be done so that what is there is what is wanted. What is as it should be costs nothing. */
export function difference(resources: readonly Resource[], live: Live): Difference {
  const obstacles: string[] = [];
  const steps = resources.flatMap((resource): readonly Step[] => {
    const found = live.get(keyOf(resource));
    if (resource.unwanted === true) {
      if (found === undefined) return [];
      const because = "the settings ask for another";
      return [{ action: "remove", resource, commands: removing(resource, found), because }];
    }
    if (found === undefined && resource.missing !== undefined) {
      obstacles.push(`${keyOf(resource)}: it is not there. ${resource.missing}`);
      return [];
    }
    if (found === undefined) {
      return [{ action: "create", resource, commands: resource.create, because: resource.why }];
    }
    const changes = changesOf(resource.wanted, found);
    if (changes.length === 0) return [];
    const fixed = changes.filter(({ name }) => name in (resource.fixed ?? {}));
    for (const change of fixed) {
      obstacles.push(`${keyOf(resource)}: ${describe(change)}. ${resource.fixed?.[change.name]}`);
    }
    const because = changes.map(describe).join(", ");
    const commands = resource.update?.(found) ?? resource.create;
    return fixed.length > 0 ? [] : [{ action: "update", resource, commands, because }];
  });
  return { steps, obstacles };
}

/** What is to be done to take a deployment down; the last that was made goes first. */
export function removal(
  resources: readonly Resource[],
  live: Live,
  data: boolean,
): readonly Step[] {
  const stays = ({ keeps }: Resource) => keeps === "shared" || (keeps === "data" && !data);
  // Of what is deleted Google keeps the name for a while.
  const isThere = (each: Resource) => {
    const found = live.get(keyOf(each));
    return found !== undefined && found["deleted"] !== true;
  };
  const going = resources.filter((each) => isThere(each) && !stays(each));
  const keys = new Set(going.map(keyOf));
  // Nobody needs the exemptions of a database that stays to go.
  const alone = going.filter((each) => {
    const owner = each.within && keyOf(each.within);
    if (owner !== undefined && keys.has(owner)) return false;
    return (
      removing(each, live.get(keyOf(each)) ?? {}).length > 0 && each.within?.kind !== "database"
    );
  });
  return alone.toReversed().map((resource) => {
    const commands = removing(resource, live.get(keyOf(resource)) ?? {});
    return { action: "remove", resource, commands, because: "the deployment is taken down" };
  });
}

function removing({ remove }: Resource, live: Properties): readonly Command[] {
  return typeof remove === "function" ? remove(live) : remove;
}

interface Change {
  readonly name: string;
  readonly is: Value;
  readonly wanted: Value | undefined;
}

function changesOf(wanted: Properties, live: Properties): readonly Change[] {
  return Object.entries(live)
    .filter(([name]) => name !== "given")
    .map(([name, is]) => ({ name, is, wanted: wanted[name] }))
    .filter(({ is, wanted: value }) => JSON.stringify(is) !== JSON.stringify(value));
}

const hashed: Readonly<Record<string, string>> = {
  settings: "its settings are others than it was deployed with",
  source: "its code is other than was deployed",
};

function describe({ name, is, wanted }: Change): string {
  const show = (value: Value | undefined) => (value === "" ? "nothing" : JSON.stringify(value));
  return hashed[name] ?? `${name} is ${show(is)} and is to be ${show(wanted)}`;
}
