import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { expect, test } from "vitest";
import { rootLayer } from "../../worker/root-layer.ts";
import { entryName, tar } from "../../worker/tar.ts";
import { bytesOf, plant, type Planned, stored, temporaryFolder } from "../support/store-tree.ts";

const a = stored("a", "a-1");
const b = stored("b", "b-1");

test("an image of nothing has folders for temporary files, accounts and a home, and no links", () => {
  const { entries, environment } = layer({});
  expect(entries.map((entry) => [entryName(entry), "mode" in entry ? entry.mode : 0o777])).toEqual([
    ["./", 0o755],
    ["etc/", 0o755],
    ["etc/group", 0o644],
    ["etc/nsswitch.conf", 0o644],
    ["etc/passwd", 0o644],
    ["root/", 0o700],
    ["tmp/", 0o1777],
    ["var/", 0o755],
    ["var/tmp/", 0o1777],
  ]);
  expect(environment).toEqual([
    "LANG=C.UTF-8",
    "PATH=/bin:/sbin:/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin",
  ]);
});

test.each([
  [[], "/sbin/nologin"],
  [["sh"], "/bin/sh"],
  [["bash", "sh"], "/bin/bash"],
])("with the programs %j the shell of root and nonroot is %s", (programs, shell) => {
  const files = Object.fromEntries(programs.map((name) => [`${a}/bin/${name}`, ""]));
  expect(textOf(layer(files), "etc/passwd")).toBe(
    `root:x:0:0:root:/root:${shell}\n` +
      "nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n" +
      `nonroot:x:65532:65532:nonroot:/tmp:${shell}\n`,
  );
});

test("bin/sh is bash where there is no other", () => {
  expect(linkOf(layer({ [`${a}/bin/bash`]: "" }), "bin/sh")).toBe(`${a}/bin/bash`);
  const both = { [`${a}/bin/bash`]: "", [`${b}/bin/sh`]: "" };
  expect(linkOf(layer(both), "bin/sh")).toBe(`${b}/bin/sh`);
});

test("usr/bin/env is there where a package provides env, and only there", () => {
  expect(linkOf(layer({ [`${a}/bin/env`]: "" }), "usr/bin/env")).toBe(`${a}/bin/env`);
  expect(linkOf(layer({ [`${a}/bin/x`]: "" }), "usr/bin/env")).toBeUndefined();
  expect(linkOf(layer({ [`${a}/bin/env`]: { link: "gone" } }), "usr/bin/env")).toBeUndefined();
});

test("certificates are found by both names and by the environment", () => {
  const bundle = `${a}/etc/ssl/certs/ca-bundle.crt`;
  const image = layer({ [bundle]: "", [`${a}/etc/ssl/trust-source/x`]: "" });
  expect(linkOf(image, "etc/ssl/certs/ca-bundle.crt")).toBe(bundle);
  expect(linkOf(image, "etc/ssl/certs/ca-certificates.crt")).toBe(bundle);
  expect(image.environment).toContain("SSL_CERT_FILE=/etc/ssl/certs/ca-bundle.crt");
  expect(image.environment).toContain("NIX_SSL_CERT_FILE=/etc/ssl/certs/ca-bundle.crt");
  expect(image.environment).toEqual(image.environment.toSorted());
});

test("our account files win over a package's, whatever it has in their place", () => {
  const image = layer({ [`${a}/etc/passwd/x`]: "", [`${a}/etc/group`]: "", [`${a}/var/tmp`]: "" });
  expect(textOf(image, "etc/passwd")).toContain("nonroot");
  expect(textOf(image, "etc/group")).toContain("nonroot:x:65532:\n");
  const names = image.entries.map(entryName);
  expect(names).not.toContain("etc/passwd/x");
  expect(names.filter((name) => name.startsWith("var/tmp"))).toEqual(["var/tmp/"]);
});

test("entries are sorted by the bytes of their names, each folder before what it holds", () => {
  const { entries } = layer({
    [`${a}/share/x/y`]: "",
    [`${b}/share/x/z`]: "",
    [`${a}/share/x.d`]: "",
    [`${a}/share/+`]: "",
    [`${a}/+top/x`]: "",
  });
  const names = entries.map(entryName);
  expect(names[0]).toBe("./");
  const rest = names.slice(1).map((name) => Buffer.from(name));
  expect(rest).toEqual(rest.toSorted((x, y) => Buffer.compare(x, y)));
  for (const name of names.slice(1)) {
    const parent = name.replace(/[^/]+\/?$/, "");
    expect(names.indexOf(parent === "" ? "./" : parent)).toBeLessThan(names.indexOf(name));
  }
  expect(new Set(names).size).toBe(names.length);
});

test("the order of packages changes nothing, and tar unpacks the layer", async () => {
  const files: Readonly<Record<string, Planned>> = {
    [`${a}/bin/env`]: { program: "" },
    [`${b}/bin/env`]: { program: "" },
    [`${b}/bin/sh`]: { program: "" },
  };
  const bytes = bytesOf(tar(layer(files).entries));
  expect(bytesOf(tar(layer(files, [b, a]).entries)).equals(bytes)).toBe(true);
  const out = temporaryFolder();
  writeFileSync(join(out, "layer.tar"), bytes);
  await execa("tar", ["xpf", "layer.tar"], { cwd: out });
  const { stdout } = await execa("stat", ["-c", "%a %F", "tmp", "root", "usr/bin/env"], {
    cwd: out,
  });
  expect(stdout).toBe("1777 directory\n700 directory\n777 symbolic link");
});

function layer(files: Readonly<Record<string, Planned>>, outputs: readonly string[] = [a, b]) {
  const packages = outputs.map((output) => ({
    name: output,
    priority: 5,
    requested: true,
    outputs: [output],
  }));
  return rootLayer({ packages, root: plant(temporaryFolder(), files) });
}

function linkOf({ entries }: ReturnType<typeof rootLayer>, path: string): string | undefined {
  const found = entries.find((entry) => entry.path === path);
  return found?.kind === "symlink" ? found.target : undefined;
}

function textOf({ entries }: ReturnType<typeof rootLayer>, path: string): string {
  const found = entries.find((entry) => entry.path === path);
  if (found?.kind !== "file" || !(found.content instanceof Uint8Array)) return "";
  return Buffer.from(found.content).toString();
}
