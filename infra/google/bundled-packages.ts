/** A package as `package-lock.json` (version 3) describes it, as far as that is looked at here. */
interface LockedPackage {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly dev?: boolean;
}

export interface LockFile {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

/**
 * The part of a lock file that some of its packages need, by where they are installed (`node_modules/...`): with the
 * versions and the checksums that the tests ran with. Throws an Error that names what is not locked.
 */
export function lockedClosure(
  { packages }: LockFile,
  names: readonly string[],
): Readonly<Record<string, LockedPackage>> {
  const found = new Set<string>();
  const pending = names.map((name) => ({ name, from: "" }));
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const path = installed(packages, next.name, next.from);
    if (path === undefined) throw new Error(`package-lock.json has no ${next.name}`);
    if (found.has(path)) continue;
    found.add(path);
    const needed = Object.keys(packages[path]?.dependencies ?? {});
    pending.push(...needed.map((name) => ({ name, from: path })));
  }
  return Object.fromEntries(
    [...found].sort().map((path) => {
      const { dev: _dev, ...locked } = packages[path] ?? {};
      return [path, locked];
    }),
  );
}

/** Where Node finds `name` from within the package at `from`: in the nearest folder of packages. */
function installed(packages: LockFile["packages"], name: string, from: string): string | undefined {
  for (
    let folder = from;
    ;
    folder = folder.replace(/(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/]+$/, "")
  ) {
    const path = `${folder}${folder === "" ? "" : "/"}node_modules/${name}`;
    if (path in packages) return path;
    if (folder === "") return undefined;
  }
}
