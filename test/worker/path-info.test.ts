import { expect, it } from "vitest";
import { parsePathInfo } from "../../worker/realise.ts";

const libc = "/nix/store/6djf8msbsmkg3d80041fqsjmwqx4snak-libc-2";
const git = "/nix/store/7d50f4hr4y18q3s9smkryvgcb47i8pkj-git-2.51";
const expected = [
  { path: git, size: 20, references: [libc] },
  { path: libc, size: 10, references: [] },
];
const base = (path: string) => path.slice("/nix/store/".length);

it.each([
  [
    "a list, as Nix 2.8 prints it",
    [
      { path: git, narSize: 20, references: [git, libc] },
      { path: libc, narSize: 10, references: [libc], ca: null },
    ],
  ],
  [
    "an object by path, as Nix 2.19 and later print it",
    { [git]: { narSize: 20, references: [git, libc] }, [libc]: { narSize: 10, references: [] } },
  ],
  [
    "an object inside another, with names instead of paths, as Nix 2.33 and later print it",
    {
      version: 2,
      storeDir: "/nix/store",
      info: {
        [base(git)]: { narSize: 20, references: [base(git), base(libc)] },
        [base(libc)]: { narSize: 10, references: [] },
      },
    },
  ],
])("what Nix knows of store paths is read from %s", (_, printed) => {
  expect(parsePathInfo(JSON.stringify(printed))).toEqual(expected);
});

it.each([[{ [git]: null }], [[{ path: git, valid: false }]]])(
  "a path that is not valid is an error that names it: %j",
  (printed) => {
    expect(() => parsePathInfo(JSON.stringify(printed))).toThrow(
      `${git}: it is not valid in the store`,
    );
  },
);
