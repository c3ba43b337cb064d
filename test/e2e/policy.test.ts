import { join } from "node:path";
import { expect, test } from "vitest";
import { startFirn } from "../support/firn.ts";
import { need } from "../support/need.ts";
import { writeQuickPackageSet } from "../support/package-set.ts";
import { program } from "../support/program.ts";
import { problemOf } from "../support/pull.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

test("a policy holds from start to start: what it denies is not built, and what is there is served", async (context) => {
  need(context, "skopeo");
  await using folder = await temporaryFolder();
  const packageSet = await writeQuickPackageSet(folder.path, "greeter = hello;");
  const data = join(folder.path, "data");
  const copy = (host: string, name: string) =>
    program(
      "skopeo",
      [
        "--insecure-policy",
        "copy",
        "--src-tls-verify=false",
        `docker://${host}/${name}`,
        `oci:${join(folder.path, "layout")}:${name}`,
      ],
      { mayFail: true },
    );
  const contact = "platform@example.com";
  const deny = (packages: string) => ({ FIRN_PACKAGES: packages, FIRN_CONTACT: contact });

  await using first = await startFirn({ packageSet, data, env: deny("*, -hello") });
  const refused = await copy(first.host, "hello");
  expect(refused.exitCode).not.toBe(0);
  expect(refused.all).toContain("denied: this registry does not build hello (denied by hello)");
  // It takes a worker to know what this is.
  expect(await problemOf(await first.manifest("greeter"))).toEqual({
    status: 403,
    code: "DENIED",
    message: `this registry does not build greeter (it is hello, which is denied): ask ${contact}`,
  });
  expect((await copy(first.host, "camelcase")).exitCode).toBe(0);
  expect((await first.builds()).map(({ image }) => image)).toEqual([
    expect.stringContaining("camelcase"),
    expect.stringContaining("greeter"),
  ]);
  expect(await first.stop()).toEqual({ code: 0, signal: null });

  await using second = await startFirn({ packageSet, data, env: deny("*, -camelCase") });
  expect((await copy(second.host, "hello")).exitCode).toBe(0);
  expect((await copy(second.host, "camelcase")).exitCode).toBe(0);
  expect(await problemOf(await second.manifest("camelcase/base"))).toMatchObject({ status: 403 });
});

test("a starter set that may not be built is said at the start", async () => {
  const env = { FIRN_BUILD_FROM_SOURCE: "never" };
  await expect(startFirn({ packageSet: "starter", env })).rejects.toThrow(
    "all of the starter set is built here, out of Debian packages: choose a FIRN_PACKAGE_SET",
  );
});
