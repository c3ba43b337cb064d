import { expect, test } from "vitest";
import { type ForestPackage, plantForest } from "../../worker/forest.ts";
import { plant, type Planned, stored, temporaryFolder } from "../support/store-tree.ts";

const a = stored("a", "a-1");
const b = stored("b", "b-1");
const c = stored("c", "c-1");

test("folders at the top are folders, one deeper that only one output has is one link", () => {
  const planted = forest({
    [`${a}/bin/hello`]: "",
    [`${a}/share/doc/a/x`]: "",
    [`${b}/share/man/man1/b.1`]: "",
  });
  expect(planted).toEqual({
    bin: "/",
    "bin/hello": `${a}/bin/hello`,
    share: "/",
    "share/doc": `${a}/share/doc`,
    "share/man": `${b}/share/man`,
  });
});

test("a folder that several outputs have is merged", () => {
  const planted = forest({
    [`${a}/share/man/man1/a.1`]: "",
    [`${b}/share/man/man1/b.1`]: "",
    [`${b}/share/man/man5/b.5`]: "",
  });
  expect(planted).toMatchObject({
    "share/man": "/",
    "share/man/man1": "/",
    "share/man/man1/a.1": `${a}/share/man/man1/a.1`,
    "share/man/man1/b.1": `${b}/share/man/man1/b.1`,
    "share/man/man5": `${b}/share/man/man5`,
  });
});

test("below etc, usr and var folders are real and files are links", () => {
  const planted = forest({ [`${a}/etc/ssl/certs/x`]: "", [`${a}/usr/lib/y/z`]: "" });
  expect(planted).toMatchObject({
    "etc/ssl": "/",
    "etc/ssl/certs": "/",
    "etc/ssl/certs/x": `${a}/etc/ssl/certs/x`,
    "usr/lib/y": "/",
    "usr/lib/y/z": `${a}/usr/lib/y/z`,
  });
});

test("a link to a folder is followed where folders are merged", () => {
  const planted = forest({
    [`${a}/bin/x`]: "",
    [`${a}/sbin`]: { link: "bin" },
    [`${a}/share/data/v`]: "",
    [`${b}/share/data`]: { link: "../lib/data" },
    [`${b}/lib/data/w`]: "",
    [`${c}/lib64`]: { link: `${b}/lib` },
  });
  expect(planted).toMatchObject({
    sbin: "/",
    "sbin/x": `${a}/sbin/x`,
    "share/data": "/",
    "share/data/v": `${a}/share/data/v`,
    "share/data/w": `${b}/share/data/w`,
    lib64: "/",
    "lib64/data": `${c}/lib64/data`,
  });
});

test.each([
  ["the lower priority number", { priority: 5 }, { priority: 4 }, b],
  ["what was requested, at the same priority", { requested: false }, { requested: true }, b],
  ["the name that sorts first, when all else is equal", { name: "z" }, { name: "y" }, b],
  ["priority over what was requested", { requested: true }, { requested: false, priority: 1 }, b],
])("of two packages with one file %s wins", (_, ofA, ofB, winner) => {
  const root = plant(temporaryFolder(), { [`${a}/bin/x`]: "", [`${b}/bin/x`]: "" });
  const packages = [packageOf(a, ofA), packageOf(b, ofB)];
  for (const order of [packages, packages.toReversed()]) {
    expect(shown(plantForest(order, root))["bin/x"]).toBe(`${winner}/bin/x`);
  }
});

test("of a file and a folder with one name the winner's stays", () => {
  const files = { [`${a}/share/x`]: "", [`${b}/share/x/y`]: "" };
  expect(forest(files)).toEqual({ share: "/", "share/x": `${a}/share/x` });
  const planted = forest({ [`${a}/share/x/y`]: "", [`${b}/share/x`]: "" });
  expect(planted).toEqual({ share: "/", "share/x": `${a}/share/x` });
});

test("links that lead nowhere, in a circle or out of the store are left out", () => {
  const planted = forest({
    [`${a}/bin/nowhere`]: { link: "gone" },
    [`${a}/bin/circle`]: { link: "circle" },
    [`${a}/bin/out`]: { link: "/etc/passwd" },
    [`${a}/bin/through-a-file`]: { link: "fine/x" },
    [`${a}/bin/around`]: { link: `../../../../nix/store/../store/${b.slice(11)}//bin/` },
    [`${a}/bin/fine`]: "",
    [`${b}/bin/nowhere`]: "",
  });
  expect(planted).toEqual({
    bin: "/",
    "bin/around": `${a}/bin/around`,
    "bin/fine": `${a}/bin/fine`,
    "bin/nowhere": `${b}/bin/nowhere`,
  });
});

test("a link to a folder around it ends", () => {
  const planted = forest({
    [`${a}/usr`]: { link: "." },
    [`${a}/etc/self`]: { link: "." },
    [`${a}/share/x/up`]: { link: ".." },
    [`${b}/share/x/up`]: { link: "../../share" },
  });
  expect(planted).toEqual({
    etc: "/",
    "etc/self": `${a}/etc/self`,
    share: "/",
    "share/x": "/",
    "share/x/up": `${a}/share/x/up`,
  });
});

test("what belongs to the kernel, to Nix or to nobody is not linked", () => {
  const names = ["nix", "proc", "sys", "dev", "tmp", "run", "nix-support"];
  const files = Object.fromEntries(names.map((name) => [`${a}/${name}/x`, ""]));
  const alone = stored("d", "one-file");
  expect(forest({ ...files, [`${a}/README`]: "", [alone]: "" }, [alone])).toEqual({});
});

test("what packages propagate to their users is linked too, after everything else", () => {
  const d = stored("d", "d-1");
  const list = "nix-support/propagated-user-env-packages";
  const root = plant(temporaryFolder(), {
    [`${a}/bin/a`]: "",
    [`${a}/${list}`]: `${c} ${d}\n`,
    [`${b}/bin/x`]: "",
    [`${c}/bin/x`]: "",
    [`${c}/${list}`]: `${a} ${d} ${stored("e", "missing")}`,
    [`${d}/bin/x`]: "",
    [`${d}/bin/d`]: "",
  });
  const planted = plantForest([packageOf(a), packageOf(b, { priority: 90 })], root);
  expect(shown(planted)).toEqual({
    bin: "/",
    "bin/a": `${a}/bin/a`,
    "bin/x": `${b}/bin/x`,
    "bin/d": `${d}/bin/d`,
  });
});

function packageOf(output: string, options: Partial<ForestPackage> = {}): ForestPackage {
  return { name: output, priority: 5, requested: true, outputs: [output], ...options };
}

function forest(files: Readonly<Record<string, Planned>>, others: readonly string[] = []) {
  const root = plant(temporaryFolder(), files);
  return shown(
    plantForest(
      [a, b, c, ...others].map((output) => packageOf(output)),
      root,
    ),
  );
}

// A folder as a slash, a link as its target.
function shown(planted: ReturnType<typeof plantForest>): Record<string, string> {
  return Object.fromEntries(
    [...planted].map(([path, entry]) => [path, entry.kind === "symlink" ? entry.target : "/"]),
  );
}
