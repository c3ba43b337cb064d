import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "..");

interface Locked {
  readonly version: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly hasInstallScript?: boolean;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
}

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly allowScripts: Readonly<Record<string, boolean>>;
}

const read = async <T>(file: string) => JSON.parse(await readFile(join(root, file), "utf8")) as T;

async function lockedPackages() {
  const { packages } = await read<{ packages: Readonly<Record<string, Locked>> }>(
    "package-lock.json",
  );
  return Object.entries(packages)
    .filter(([path]) => path !== "")
    .map(([path, locked]) =>
      Object.assign(locked, { name: path.replace(/^.*node_modules\//, "") }),
    );
}

it("every package is locked to the SHA-512 of its bytes, and comes from no place of its own", async () => {
  const packages = await lockedPackages();
  expect(packages.length).toBeGreaterThan(200);
  expect(packages.filter(({ integrity }) => !integrity?.startsWith("sha512-"))).toEqual([]);
  const elsewhere = packages.filter(({ resolved = "https:" }) => !resolved.startsWith("https:"));
  expect(elsewhere).toEqual([]);
});

it("what firn asks for itself is one version, not a range", async () => {
  const { dependencies, devDependencies } = await read<Manifest>("package.json");
  const versions = Object.entries({ ...dependencies, ...devDependencies });
  expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
});

it("no package runs a script when it is installed but those which are allowed to", async () => {
  const { allowScripts } = await read<Manifest>("package.json");
  const packages = await lockedPackages();
  const withScripts = packages.filter(({ hasInstallScript }) => hasInstallScript);
  // fsevents, for one, is built on other systems, and never installed on this one.
  const installed = withScripts.filter(({ optional }) => optional !== true);
  expect([...new Set(installed.map(({ name }) => name))].sort()).toEqual(
    Object.keys(allowScripts).sort(),
  );
  const inProduction = withScripts.filter(({ name, dev }) => !dev && allowScripts[name] !== false);
  expect(inProduction).toEqual([]);
  expect(await readFile(join(root, ".npmrc"), "utf8")).toMatch(/^strict-allow-scripts=true$/m);
});

it("the bill of materials names every package with its hash, and which are tools", async () => {
  const { stdout } = await execa("npm", ["run", "--silent", "sbom"], { cwd: root });
  const { components } = JSON.parse(stdout) as { components: readonly Component[] };
  const byName = new Map(components.map((each) => [`${each.name}@${each.version}`, each]));
  const isTool = ({ properties }: Component) =>
    properties.some(({ name }) => name === "cdx:npm:package:development");
  for (const { name, version, dev = false } of await lockedPackages()) {
    const component = byName.get(`${name}@${version}`);
    expect(component?.hashes, name).toMatchObject([{ alg: "SHA-512" }]);
    expect(component && isTool(component), name).toBe(dev);
  }
}, 60_000);

interface Component {
  readonly name: string;
  readonly version: string;
  readonly hashes?: readonly { readonly alg: string }[];
  readonly properties: readonly { readonly name: string }[];
}
