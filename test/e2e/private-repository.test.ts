import { randomUUID } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { runFirn, startFirn } from "../support/firn.ts";
import { need } from "../support/need.ts";
import { createRepository } from "../support/nixpkgs.ts";
import { servePrivately } from "../support/private-repository.ts";
import { pull } from "../support/pull.ts";
import { program } from "../support/program.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

async function bareRepository(folder: string): Promise<string> {
  const repository = await createRepository(folder);
  await repository.commit("main");
  const bare = join(folder, "set.git");
  await program("git", ["clone", "--quiet", "--bare", repository.path, bare]);
  return bare;
}

/** The files of a folder that have a text in them. */
async function filesWith(text: string, folder: string): Promise<readonly string[]> {
  const all = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = all.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  const read = await Promise.all(
    files.map(async (file) => ({ file, bytes: await readFile(file) })),
  );
  return read.filter(({ bytes }) => bytes.includes(text)).map(({ file }) => file);
}

test("a private repository is served, and what git signs in with is in nothing that firn keeps or says", async (context) => {
  need(context, "git");
  await using folder = await temporaryFolder();
  const password = randomUUID();
  await using served = await servePrivately(await bareRepository(folder.path), password);
  const credentials = join(folder.path, "credentials");
  await writeFile(credentials, `http://firn:${password}@${served.host}\n`, { mode: 0o400 });
  await using firn = await startFirn({
    packageSet: `git+http://${served.host}/set.git`,
    env: { FIRN_GIT_CREDENTIALS: credentials },
  });
  const { config } = await pull(firn, "hello");
  expect(config.config.Labels["firn.package-set"]).toBe(`git+http://${served.host}/set.git`);
  expect(served.seen.allowed).toBeGreaterThan(0);
  const status = await (await firn.fetch("/status")).text();
  expect(`${status}${JSON.stringify(firn.log)}`).not.toContain(password);
  expect(await filesWith(password, firn.data)).toEqual([]);
  expect(await filesWith("firn.package-set", firn.data)).not.toEqual([]);
  // A helper of git's own would have removed what it was told is wrong, or written what is right.
  expect(await readFile(credentials, "utf8")).toBe(`http://firn:${password}@${served.host}\n`);
});

test("a password that is wrong ends the start, without being told", async (context) => {
  need(context, "git");
  await using folder = await temporaryFolder();
  const [password, wrong] = [randomUUID(), randomUUID()];
  await using served = await servePrivately(await bareRepository(folder.path), password);
  const credentials = join(folder.path, "credentials");
  await writeFile(credentials, `http://firn:${wrong}@${served.host}\n`);
  const env = { FIRN_GIT_CREDENTIALS: credentials, FIRN_DATA: join(folder.path, "data") };
  const packageSet = `git+http://${served.host}/set.git`;
  const { code, said } = await runFirn({ packageSet, env });
  expect(code).toBe(1);
  expect(said).toMatch(/Authentication failed for 'http:\/\/127\.0\.0\.1:\d+\/set\.git/);
  expect(said).not.toContain(wrong);
  expect(await readFile(credentials, "utf8")).toContain(wrong);

  const missing = join(folder.path, "nothing");
  const without = await runFirn({ packageSet, env: { ...env, FIRN_GIT_CREDENTIALS: missing } });
  expect(without).toMatchObject({ code: 1 });
  expect(without.said).toContain(`FIRN_GIT_CREDENTIALS: the file ${missing} cannot be read`);
});
