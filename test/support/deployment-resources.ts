import { keyOf, type Properties, type Resource } from "../../infra/google/resource.ts";

/** The one with this key; throws where there is none. */
export function resourceNamed(resources: readonly Resource[], key: string): Resource {
  const found = resources.find((each) => keyOf(each) === key);
  if (found === undefined) throw new Error(`there is no ${key}`);
  return found;
}

/** What is there once all of them are as they are to be. */
export function asWanted(resources: readonly Resource[]): Map<string, Properties> {
  const there = resources.filter(({ unwanted }) => unwanted !== true);
  return new Map(there.map((each) => [keyOf(each), each.wanted]));
}
