import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { foreignLists } from "../../worker/foreign-lists.ts";
import { parseReleaseFile } from "../../worker/release-file.ts";
import { createStarterSources } from "../../worker/starter-source.ts";
import type { Run } from "../../worker/run.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const { signal } = new AbortController();
const sum = (digit: string) => digit.repeat(64);
const header = (architectures: string) => `-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

Origin: Ubuntu
Suite: noble
Date: Thu, 25 Apr 2024 15:10:33 UTC
Acquire-By-Hash: yes
Architectures: ${architectures}
MD5Sum:
 d41d8cd98f00b204e9800998ecf8427e  1 main/binary-arm64/Packages.xz
`;
const sums = `SHA256:
 ${sum("a")}  1200 main/binary-amd64/Packages.xz
 ${sum("b")}  1300 main/binary-arm64/Packages.gz
 ${sum("c")}  1100 main/binary-arm64/Packages.xz
 ${sum("d")}   900 main/binary-all/Packages.xz
-----BEGIN PGP SIGNATURE-----
`;

/** apt with one source, whose lists are in a folder. */
function aptIn(folder: string): Run {
  const url = "http://archive.example.com/ubuntu/dists/noble";
  const line = (architecture: string) =>
    `${architecture} main/binary-${architecture}/Packages ${url}/main/binary-${architecture}/Packages ${folder}/example_noble_main_binary-${architecture}_Packages`;
  return async () => ({ stdout: ["arm64", "all"].map(line).join("\n"), stderr: "" });
}

async function listsOf(release: string) {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, "example_noble_InRelease"), release);
  return await foreignLists({ run: aptIn(folder.path), log: () => undefined }, "arm64", signal);
}

it("the lists of another architecture are known by the checksums that the release file has of them", async () => {
  const url = "http://archive.example.com/ubuntu/dists/noble/main/binary-arm64";
  expect(await listsOf(header("amd64 arm64") + sums)).toEqual({
    lists: [
      {
        file: "example_noble_main_binary-arm64_Packages",
        compression: ".xz",
        urls: [`${url}/by-hash/SHA256/${sum("c")}`, `${url}/Packages.xz`],
        sha256: sum("c"),
        size: 1100,
      },
    ],
    releases: { example_noble_Release: "Origin: Ubuntu\nSuite: noble\n" },
    tried: [`${url}/Packages`],
  });
});

it("what runs anywhere has a list of its own where the release file says so", async () => {
  const { lists } = await listsOf(header("all amd64 arm64") + sums);
  expect(lists.map(({ sha256 }) => sha256)).toEqual([sum("c"), sum("d")]);
});

it("when a release was signed is not a part of what a revision is made of", () => {
  const { identity } = parseReleaseFile(header("amd64"));
  expect(identity).not.toMatch(/2024/);
});

it("where no source has an architecture, the failure says where it was looked for and what to do", async () => {
  await using folder = await temporaryFolder();
  const foreign = { arm64: await listsOf(header("amd64 i386")) };
  expect(foreign.arm64.lists).toEqual([]);
  await writeFile(join(folder.path, "foreign.json"), JSON.stringify(foreign));
  const sources = createStarterSources({
    run: aptIn(folder.path),
    config: async () => "",
    expressions: "",
    packageSet: { kind: "starter" },
    roots: folder.path,
    log: () => undefined,
  });
  expect(await sources(folder.path, "amd64", signal)).toEqual({
    state: "found",
    path: folder.path,
  });
  expect(await sources(folder.path, "arm64", signal)).toEqual({
    state: "none",
    message: expect.stringMatching(
      /nothing for arm64 \(looked for: http:\/\/archive\.example\.com\/ubuntu\/dists\/noble\/main\/binary-arm64\/Packages\): add one .*ports\.ubuntu\.com.* apt-get update/,
    ) as string,
  });
});
