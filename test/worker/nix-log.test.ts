import { expect, it } from "vitest";
import type { RealiseProgress } from "../../core/ports.ts";
import { createNixLog } from "../../worker/nix-log.ts";

const git = "/nix/store/4nis4d115np7a3mzidy7yskqcvqazhif-git-2.51.drv";
const curl = "/nix/store/6djf8msbsmkg3d80041fqsjmwqx4snak-curl-8.drv";
const red = "\u001b[31;1m";

function read(messages: readonly object[]) {
  const progress: RealiseProgress[] = [];
  const log = createNixLog((each) => void progress.push(each));
  for (const message of messages) log.line(`@nix ${JSON.stringify(message)}`);
  return { log, progress };
}

const build = (id: number, drv: string) => ({
  action: "start",
  id,
  type: 105,
  text: `building '${drv}'`,
  fields: [drv, "", 1, 1],
});
const said = (id: number, line: string) => ({ action: "result", id, type: 101, fields: [line] });

it("Nix's counts of builds and copies become one progress, with names instead of paths", () => {
  const { progress } = read([
    { action: "start", id: 1, type: 104, text: "" },
    { action: "start", id: 2, type: 103, text: "" },
    { action: "result", id: 1, type: 105, fields: [1, 3, 1, 0] },
    { action: "result", id: 2, type: 105, fields: [4, 5, 1, 0] },
    build(3, git),
    {
      action: "start",
      id: 4,
      type: 100,
      text: `copying path '${curl.replace(".drv", "")}' from 'https://cache.example.com'`,
    },
  ]);
  expect(progress.slice(-2)).toEqual([
    { done: 5, total: 8, message: "building git-2.51" },
    { done: 5, total: 8, message: "copying path curl-8" },
  ]);
});

it("the log's tail is that of the build that failed, not of the one that spoke last", () => {
  const { log } = read([
    build(1, git),
    build(2, curl),
    ...Array.from({ length: 50 }, (_, i) => said(1, `line ${i}`)),
    said(1, `${red}fatal\u001b[0m`),
    said(2, "curl goes on"),
    {
      action: "msg",
      level: 0,
      msg: `${red}error:\u001b[0m builder for '${red}${git}\u001b[0m' failed with exit code 2`,
    },
    said(2, "and on"),
  ]);
  expect(log.errors).toEqual([`builder for '${git}' failed with exit code 2`]);
  expect(log.tail()).toHaveLength(30);
  expect(log.tail().at(-1)).toBe("fatal");
});

it("where no builder failed, the tail is that of the build that spoke last", () => {
  const { log } = read([build(1, git), build(2, curl), said(2, "two"), said(1, "one")]);
  expect(log.tail()).toEqual(["one"]);
});

it("lines that are not Nix's, or not whole, are passed over", () => {
  const { log, progress } = read([]);
  for (const line of ["", "warning: something", "@nix {", "@nix 7", '@nix {"action":"msg"}'])
    log.line(line);
  expect(log.errors).toEqual([]);
  expect(progress).toEqual([]);
});

it("lines and messages carry no control characters, and a long line says what was cut", () => {
  const { log, progress } = read([
    { ...build(1, git), text: `building ${"x".repeat(10_000)}` },
    said(1, "a\u0000b\u0008c\uFFFD"),
    said(1, "y".repeat(600)),
    { action: "msg", level: 0, msg: "error: a\u0007b" },
  ]);
  expect(log.tail()).toEqual(["abc?", `${"y".repeat(500)}... (100 more)`]);
  expect(log.errors).toEqual(["ab"]);
  expect(progress.at(-1)?.message.length).toBeLessThanOrEqual(500);
});
