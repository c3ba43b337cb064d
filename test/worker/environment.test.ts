import { expect, it } from "vitest";
import { hasProxy, inheritedEnvironment } from "../../worker/environment.ts";

it("hands on where programs, keys and the network are, and nothing that changes what Nix makes", () => {
  const inherited = inheritedEnvironment({
    PATH: "/bin",
    HOME: "/home/ann",
    SSH_AUTH_SOCK: "/run/agent",
    GIT_CONFIG_COUNT: "1",
    https_proxy: "http://proxy:3128",
    NIXPKGS_ALLOW_UNFREE: "1",
    NIX_PATH: "nixpkgs=/tmp",
    NIX_CONFIG: "sandbox = false",
    LANG: "de_DE.UTF-8",
    FIRN_PORT: "80",
    SECRET: "s",
    TMPDIR: undefined,
  });
  expect(inherited).toEqual({
    PATH: "/bin",
    HOME: "/home/ann",
    SSH_AUTH_SOCK: "/run/agent",
    GIT_CONFIG_COUNT: "1",
    GIT_SSH_COMMAND: "ssh -o BatchMode=yes",
    https_proxy: "http://proxy:3128",
    LANG: "C.UTF-8",
  });
});

it("leaves the user's own GIT_SSH_COMMAND, with which keys are chosen", () => {
  const GIT_SSH_COMMAND = "ssh -i /keys/deploy";
  expect(inheritedEnvironment({ GIT_SSH_COMMAND })["GIT_SSH_COMMAND"]).toBe(GIT_SSH_COMMAND);
});

it("sees a proxy in either case, and none in no_proxy", () => {
  expect(hasProxy({ HTTPS_PROXY: "http://proxy" })).toBe(true);
  expect(hasProxy({ all_proxy: "http://proxy" })).toBe(true);
  expect(hasProxy({ no_proxy: "localhost" })).toBe(false);
});
