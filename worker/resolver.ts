import { lstatSync } from "node:fs";
import { placeOf } from "./file-name.ts";
import { linkTarget } from "./store-walk.ts";

/** What a path leads to when all links on the way are followed. */
export interface Place {
  readonly path: string;
  readonly folder: boolean;
}

/** Follows a path of the image; undefined when it leads nowhere, in a circle, or out of the store. */
export type Resolver = (path: string) => Place | undefined;

const store = "/nix/store";
// What Linux allows before it says that there are too many.
const linkLimit = 40;

/**
 * Makes a resolver for the image's store, which is read below `root`. Paths outside the store are
 * those of this machine, whatever it has there: in an image nothing is known to be in their place.
 */
export function createResolver(root: string): Resolver {
  const folders = new Map<string, Place>(["", "/nix", store].map((path) => [path, folder(path)]));

  function resolve(path: string, links: number): Place | undefined {
    const known = folders.get(path);
    if (known !== undefined) return known;
    if (links > linkLimit) return undefined;
    const slash = path.lastIndexOf("/");
    const name = path.slice(slash + 1);
    const parent = resolve(path.slice(0, Math.max(0, slash)), links);
    if (parent === undefined || !parent.folder) return undefined;
    const found = name === ".." ? folder(above(parent.path)) : enter(parent, name, links);
    if (found?.folder === true) folders.set(path, found);
    return found;
  }

  function enter(parent: Place, name: string, links: number): Place | undefined {
    if (name === "." || name === "") return parent;
    const path = `${parent.path}/${name}`;
    const known = folders.get(path);
    if (known !== undefined) return known;
    if (!path.startsWith(`${store}/`)) return undefined;
    const stats = lstatSync(placeOf(root + path), { throwIfNoEntry: false });
    if (stats === undefined) return undefined;
    if (stats.isDirectory()) return folder(path);
    if (stats.isFile()) return { path, folder: false };
    if (!stats.isSymbolicLink()) return undefined;
    const target = linkTarget(root + path);
    return resolve(trim(target.startsWith("/") ? target : `${parent.path}/${target}`), links + 1);
  }

  return (path) => resolve(trim(path), 0);
}

function folder(path: string): Place {
  return { path, folder: true };
}

function above(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function trim(path: string): string {
  return path.replaceAll(/\/{2,}/g, "/").replace(/\/$/, "");
}
