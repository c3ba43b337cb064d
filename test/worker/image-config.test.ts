import { describe, expect, it } from "vitest";
import type { Package } from "../../core/ports.ts";
import type { RootLayer } from "../../worker/root-layer.ts";
import { describeLayer, imageConfig } from "../../worker/image-config.ts";
import { buildOf } from "../support/builds.ts";

function packageOf(attribute: string, more: Partial<Package> = {}): Package {
  return {
    asked: attribute,
    attribute,
    name: attribute,
    version: "1.0",
    derivation: `/nix/store/${attribute}.drv`,
    outputs: [{ name: "out", path: `/nix/store/${attribute}` }],
    mainProgram: undefined,
    priority: 5,
    optional: false,
    ...more,
  };
}

function rootWith(...programs: readonly string[]): RootLayer {
  const entries = programs.map((program) => ({
    kind: "symlink" as const,
    path: `bin/${program}`,
    target: `/nix/store/x/bin/${program}`,
  }));
  return { entries, environment: ["PATH=/bin"] };
}

function commandOf(name: string, packages: readonly Package[], ...programs: readonly string[]) {
  return imageConfig(buildOf(name), packages, rootWith(...programs)).cmd;
}

describe("the command of an image", () => {
  it("of one package is its main program, else the program that is called like it", () => {
    const ripgrep = packageOf("ripgrep", { mainProgram: "rg" });
    expect(commandOf("ripgrep", [ripgrep], "rg")).toEqual(["/bin/rg"]);
    expect(commandOf("hello", [packageOf("hello")], "hello")).toEqual(["/bin/hello"]);
  });

  it("is not set where there is no such program, nor where several packages were asked for", () => {
    expect(commandOf("zlib", [packageOf("zlib")])).toBeUndefined();
    const both = [packageOf("git"), packageOf("hello")];
    expect(commandOf("git/hello", both, "git", "hello")).toBeUndefined();
  });

  it("is the shell where one was asked for", () => {
    const packages = [packageOf("git"), packageOf("bashInteractive", { optional: true })];
    expect(commandOf("shell/git", packages, "git", "bash")).toEqual(["/bin/bash"]);
  });

  it("does not count what every image gets anyway", () => {
    const packages = [packageOf("hello"), packageOf("cacert", { optional: true })];
    expect(commandOf("hello", packages, "hello")).toEqual(["/bin/hello"]);
  });
});

it("the labels say where an image comes from, with the versions in an order of their own", () => {
  const packages = [packageOf("hello", { version: "2.12" }), packageOf("curl", { version: "8.0" })];
  const request = buildOf("hello/curl");
  const { labels, architecture } = imageConfig(request, packages, rootWith());
  expect(architecture).toBe("amd64");
  expect(labels).toEqual({
    "firn.build-key": request.key,
    "firn.package-set": request.pin.packageSet,
    "firn.packages": "curl=8.0 hello=2.12",
    "firn.revision": request.pin.revision,
  });
});

it("a version forges no entry of a label, and a program that is a path is no command", () => {
  const evil = packageOf("evil", { version: "1 evil=2\nx", mainProgram: "../bin/sh" });
  const { labels, cmd } = imageConfig(buildOf("evil"), [evil], rootWith("../bin/sh", "evil"));
  expect(labels["firn.packages"]).toBe("evil=1_evil=2_x");
  expect(cmd).toEqual(["/bin/evil"]);
});

it("a layer's history names its first path, and how many more there are", () => {
  const [hash] = ["0123456789abcdfghijklmnpqrsvwxyz"];
  expect(describeLayer([`/nix/store/${hash}-git-2.39`])).toBe("git-2.39");
  const two = [`/nix/store/${hash}-curl-8`, `/nix/store/${hash}-zlib-1`];
  expect(describeLayer(two)).toBe("curl-8 and 1 more");
});
