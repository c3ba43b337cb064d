import { expect, test } from "vitest";
import { referenceGraph } from "../../worker/graph.ts";

test("paths that begin alike are sorted and found all the same", () => {
  const paths = Array.from({ length: 3000 }, (_, index) => `/nix/store/${"a".repeat(40)}${index}`);
  const graph = referenceGraph(
    paths.map((path, index) => ({ path, size: index, references: [paths[0] ?? "", path] })),
  );
  expect(graph.paths).toEqual(paths.toSorted());
  expect(paths.map((path) => graph.sizes[graph.nodeOf(path)])).toEqual([...paths.keys()]);
  expect(graph.referrers[graph.nodeOf(paths[0] ?? "")]).toBe(2999);
  expect(() => graph.nodeOf(`${paths[7]}x`)).toThrow("is not in the closure");
});

test("paths of several folders, and short ones, are in the order of their bytes", () => {
  const paths = [
    "/nix/store/b",
    "/gnu/store/zz",
    "/nix/store/aaaaaaaaa",
    "/nix/store/aaaaaaaab",
    "/",
  ];
  const graph = referenceGraph(paths.map((path) => ({ path, size: 1, references: [] })));
  expect(graph.paths).toEqual(paths.toSorted());
  expect(paths.map((path) => graph.paths[graph.nodeOf(path)])).toEqual(paths);
});

test("of two entries for one path the first counts", () => {
  const [a, b] = ["/nix/store/a", "/nix/store/b"];
  const graph = referenceGraph([
    { path: b, size: 1, references: [] },
    { path: a, size: 5, references: [b, b, a] },
    { path: a, size: 7, references: [] },
  ]);
  expect(graph.paths).toEqual([a, b]);
  expect([...graph.sizes]).toEqual([5, 1]);
  expect([...graph.references.targets]).toEqual([1]);
  expect([...graph.listed]).toEqual([1, 0]);
});

test("of several paths that refer to what is missing the first by name is told", () => {
  const closure = ["c", "b", "d"].map((name) => ({
    path: `/nix/store/${name}`,
    size: 1,
    references: [`/nix/store/missing-of-${name}`],
  }));
  expect(() => referenceGraph(closure)).toThrow("/nix/store/b refers to /nix/store/missing-of-b");
});
