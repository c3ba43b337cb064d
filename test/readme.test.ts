import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { freshReadme, readme } from "./support/readme.ts";

const root = join(import.meta.dirname, "..");

it("the README's table of settings is that of the code: `npm run readme` writes it", () => {
  expect(readme()).toBe(freshReadme());
});

it("every file that the README names is there", () => {
  const named = readme().matchAll(/`((?:core|functions|worker|nix|infra|test)\/[\w./-]+)`/g);
  const paths = [...named].map(([, path = ""]) => path);
  expect(paths.length).toBeGreaterThan(20);
  expect(paths.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

it("every command of npm that the README names is one", async () => {
  const { default: manifest } = (await import("../package.json", { with: { type: "json" } })) as {
    default: { scripts: Record<string, string> };
  };
  const named = [...readme().matchAll(/npm run ([\w:-]+)/g)].map(([, name = ""]) => name);
  expect(named).toContain("check");
  expect(named.filter((name) => !(name in manifest.scripts))).toEqual([]);
});
