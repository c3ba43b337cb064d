import { expect, it } from "vitest";
import { evaluationMessage, isOutage } from "../../worker/nix-command.ts";
import { CommandFailed } from "../../worker/run.ts";

function failedWith(stderr: string, exitCode = 1) {
  const outcome = { missing: false, timedOut: false, exitCode, stdout: "", stderr };
  return new CommandFailed("nix-instantiate", outcome, undefined);
}

it.each([
  "error: writing to file: No space left on device",
  "error: unable to download 'https://cache.example.com/x': Couldn't resolve host name (6)",
  "error: cannot connect to socket at '/nix/var/nix/daemon-socket/socket': No such file or directory",
  "error: cannot connect to daemon at '/x': Connection refused",
  "error: unable to fork: Cannot allocate memory",
  "error: out of memory",
])("is an outage of ours: %s", (stderr) => {
  expect(isOutage(stderr)).toBe(true);
  expect(evaluationMessage(failedWith(stderr))).toBeUndefined();
});

it.each([
  "error: attribute 'connection refused' missing",
  "error: evaluation aborted with the following error message: 'no space left\non device, or out of memory'",
  "error: builder for 'x' failed with exit code 1;\n       last 2 log lines:\n       > connection refused",
  "error: undefined variable 'x'\n\n       at /nix/store/x/default.nix:3:1:\n            3|   # out of memory",
])("is none: %s", (stderr) => {
  expect(evaluationMessage(failedWith(stderr))).toBeDefined();
});

it("places outside the store are left out with the source that is quoted there, those in it are told", () => {
  const stderr = [
    "building '/nix/store/x.drv'...",
    "error:",
    "       … while calling the 'map' builtin",
    "",
    "         at /srv/firn/nix/evaluate.nix:55:22:",
    "",
    "           54|       let",
    "             |       ^",
    "       error: attribute 'name' missing",
    "",
    "       at /nix/store/x-set/default.nix:2:3:",
    "",
    "            2|   name",
    "(use '--show-trace' to show detailed location information)",
  ].join("\n");
  expect(evaluationMessage(failedWith(stderr))).toBe(
    [
      "error: attribute 'name' missing",
      "       at /nix/store/x-set/default.nix:2:3:",
      "            2|   name",
    ].join("\n"),
  );
});
