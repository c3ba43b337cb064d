import { randomUUID } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

/** The package set of the tests: of nixpkgs' shape, and built in seconds. */
export const fixturePackageSet = resolve(import.meta.dirname, "../fixtures/package-set");

/**
 * Writes a copy of the fixture package set whose packages nobody has built yet: the Nix store belongs to the machine
 * and keeps what former runs have built, and a test that watches a build needs one that takes place.
 */
export async function writeUnbuiltPackageSet(folder: string, further = ""): Promise<string> {
  const path = join(folder, `package-set-${randomUUID()}`);
  await mkdir(path, { recursive: true });
  await writeFile(join(path, "default.nix"), await unbuiltExpression(randomUUID(), further));
  return path;
}

/** The same, of which nothing takes long to evaluate: for what looks at all packages. */
export async function writeQuickPackageSet(folder: string, further = ""): Promise<string> {
  const path = await writeUnbuiltPackageSet(folder, further);
  const file = join(path, "default.nix");
  await writeFile(file, replaced(await readFile(file, "utf8"), furtherPackages, ""));
  return path;
}

/** Packages that keep firn busy for seconds in a phase that is over at once otherwise. */
const furtherPackages = `
  ponders = builtins.seq
    (builtins.foldl' (sum: n: sum + n) 0 (builtins.genList (n: n) 6000000))
    (make { pname = "ponders"; });
  bulky = make { pname = "bulky"; script = "head -c 48000000 /dev/urandom > $out/share/bulky/noise"; };
  sizable = make { pname = "sizable"; script = "head -c 4000000 /dev/urandom > $out/share/sizable/noise"; };
`;

/** The text of the package set with some packages more, and with a comment in each builder that makes it another one. */
export async function unbuiltExpression(salt: string, further = ""): Promise<string> {
  const text = await readFile(join(fixturePackageSet, "default.nix"), "utf8");
  return replaced(
    replaced(text, "PATH=/bin:/usr/bin\n", `PATH=/bin:/usr/bin # ${salt}\n`),
    "inherit base;\n",
    `inherit base;\n${furtherPackages}${further}`,
  );
}

function replaced(text: string, part: string, by: string): string {
  if (!text.includes(part)) throw new Error(`the fixture package set has no "${part}" any more`);
  return text.replace(part, () => by);
}
