import { describe, expect, it } from "vitest";
import { readSettings } from "../../core/setting.ts";
import { functionsSettings, localSettings, workerSettings } from "../../core/settings.ts";

describe("settings", () => {
  it("have a default each", () => {
    expect(readSettings(localSettings, {})).toMatchObject({
      port: 8080,
      packageSet: "auto",
      layers: 60,
      grouping: "plan",
      popularity: undefined,
      allowUnfree: false,
    });
  });

  it("that are files are declared so, since a deployment mounts what they name", () => {
    const all = { ...localSettings, ...functionsSettings, ...workerSettings };
    const isFile = ({ meaning }: { readonly meaning: string }) => /^(?:\w+ )?file\b/.test(meaning);
    const said = Object.values(all).filter(isFile);
    expect(said.length).toBeGreaterThanOrEqual(5);
    expect(Object.values(all).filter((each) => "isFile" in each)).toEqual(said);
  });

  it("are read from the environment", () => {
    const environment = { FIRN_PORT: "0", FIRN_PACKAGE_SET: "starter", HOME: "/root" };
    expect(readSettings(localSettings, environment)).toMatchObject({
      port: 0,
      packageSet: { kind: "starter" },
    });
  });

  it("report all problems at once, each with its value and what would be understood", () => {
    const environment = {
      FIRN_PORT: "eighty",
      FIRN_LAYERS: "126",
      FIRN_ALLOW_UNFREE: "yes",
      FIRN_LOG: "xml",
      FIRN_HOST: "",
      FIRN_PACKAGES: "-git",
      FIRN_REVISIONS: "nixos 25",
      FIRN_BUILD_FROM_SOURCE: "no",
      FIRN_NIXPKGS_TARBALL: "https://example.com/nixpkgs.tar.gz",
      FIRN_PROT: "80",
    };
    expect(() => readSettings(localSettings, environment)).toThrow(
      [
        "The settings are wrong.",
        "FIRN_HOST: it is empty; give it a value or leave it out",
        'FIRN_PORT: "eighty" is not a whole number from 0 to 65535',
        'FIRN_NIXPKGS_TARBALL: "https://example.com/nixpkgs.tar.gz" lacks {revision}, where the commit goes',
        'FIRN_ALLOW_UNFREE: "yes" is none of true, false',
        'FIRN_LAYERS: "126" is not a whole number from 2 to 125',
        'FIRN_PACKAGES: "-git" allows nothing: write "*, -git" to allow everything else',
        'FIRN_REVISIONS: "nixos 25" is not a pattern of revisions: write names such as nixos-25.11 or nixos-*, commit:* for commits, a commit or *, separated by commas, with - before what is denied',
        'FIRN_BUILD_FROM_SOURCE: "no" is none of allowed, never',
        'FIRN_LOG: "xml" is none of text, json',
        "FIRN_PROT: there is no such setting",
      ].join("\n"),
    );
  });
});
