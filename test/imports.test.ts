import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, it } from "vitest";

// Who may import whom. Each rule names what a folder may import; everything else is a mistake.
const root = join(import.meta.dirname, "..");
const rules: Readonly<Record<string, readonly RegExp[]>> = {
  core: [/^core\/[^/]+$/, /^node:(?:crypto|async_hooks)$/],
  "core/local": [/^core\/[^/]+$/, /^core\/local\//, /^node:/, /^pino(?:-pretty)?$/],
  "core/google": [
    /^core\/[^/]+$/,
    /^core\/google\//,
    /^node:(?!child_process)/,
    /^@google-cloud\/(?:firestore|pubsub|storage)$/,
    /^lru-cache$/,
  ],
  functions: [
    /^core\/[^/]+$/,
    /^functions\//,
    /^node:/,
    /^(?:lru-cache|negotiator|p-limit|range-parser)$/,
    // Of those who sign in.
    /^(?:bcryptjs|google-auth-library|jose\/jwt\/(?:sign|verify))$/,
  ],
  worker: [
    /^core\/[^/]+$/,
    /^worker\//,
    /^node:(?!child_process)/,
    /^tar\/(?:header|pax)$/,
    /^p-limit$/,
    /^lru-cache$/,
    /^execa$/,
    /^fastest-levenshtein$/,
    /^google-auth-library$/,
    /^tinyqueue$/,
  ],
  infra: [/^(?:core|functions)\/[^/]+$/, /^infra\/[^/]+$/, /^node:(?!child_process)/],
  "infra/google": [
    /^(?:core|functions)\/[^/]+$/,
    /^core\/google\/(?:blob-object|indexes|topics)\.ts$/,
    /^worker\/run\.ts$/,
    /^infra\/(?:google\/|[^/]+$)/,
    /^node:(?!child_process)/,
    /^esbuild$/,
    /^p-limit$/,
  ],
  "infra/local": [
    /^(?:core|functions|worker)\//,
    /^core\/(?:local|google)\//,
    /^infra\/(?:local\/|[^/]+$)/,
    /^node:(?!child_process)/,
  ],
};

// The composition roots alone choose adapters and read the environment.
const compositionRoots = new Set([
  "functions/index.ts",
  "functions/compose.ts",
  "worker/index.ts",
  "worker/compose.ts",
  "infra/google/bake.ts",
  "infra/google/deploy.ts",
  "infra/google/destroy.ts",
  "infra/google/prebuild.ts",
  "infra/google/retain.ts",
  "infra/google/status.ts",
  "worker/seed.ts",
  "infra/local/popcount.ts",
  "infra/local/retain.ts",
  "infra/local/start.ts",
]);

interface Import {
  readonly from: string;
  readonly to: string;
}

function importsOf(folder: string): readonly Import[] {
  const files = readdirSync(join(root, folder)).filter((name) => name.endsWith(".ts"));
  return files.flatMap((name) => {
    const from = `${folder}/${name}`;
    const source = readFileSync(join(root, from), "utf8");
    const found = source.matchAll(/\b(?:from|import)\s*\(?\s*"([^"]+)"/g);
    return [...found].map(([, to = ""]) => ({
      from,
      to: to.startsWith(".") ? relative(root, join(root, dirname(from), to)) : to,
    }));
  });
}

it.each(Object.keys(rules))("%s imports only what it may", (folder) => {
  const imports = importsOf(folder);
  expect(imports.length).toBeGreaterThan(0);
  const allowed = rules[folder] ?? [];
  const judged = imports.filter(({ from }) => !compositionRoots.has(from));
  expect(judged.filter(({ to }) => !allowed.some((rule) => rule.test(to)))).toEqual([]);
});

it("only worker/run.ts starts processes", () => {
  const folders = Object.keys(rules);
  const starters = folders
    .flatMap(importsOf)
    .filter(({ to }) => to === "execa" || to === "node:child_process");
  expect(starters).toEqual([{ from: "worker/run.ts", to: "execa" }]);
});

it("only the composition roots read the environment", () => {
  const readers = Object.keys(rules).flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith(".ts"))
      .map((name) => `${folder}/${name}`)
      .filter((path) => readFileSync(join(root, path), "utf8").includes("process.env")),
  );
  expect(readers.filter((path) => !compositionRoots.has(path))).toEqual([]);
});

it("nothing stands at the top level but what belongs there", () => {
  const names = readdirSync(root).filter(
    (name) => !name.startsWith(".") && name !== "node_modules",
  );
  expect(names.sort()).toEqual([
    "LICENSE",
    "README.md",
    "core",
    "functions",
    "infra",
    "nix",
    "package-lock.json",
    "package.json",
    "test",
    "tsconfig.json",
    "worker",
  ]);
});
