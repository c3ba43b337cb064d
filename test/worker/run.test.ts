import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { CommandFailed, createRun } from "../../worker/run.ts";

const run = createRun({ PATH: process.env["PATH"] ?? "", INHERITED: "yes" });
const never = new AbortController().signal;
const sh = (script: string) => ({ file: "sh", args: ["-c", script] });

function isRunning(marker: string): boolean {
  return readdirSync("/proc").some((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(marker);
    } catch {
      return false; // it ended while we looked
    }
  });
}

it("gives what a program wrote to both of its pipes", async () => {
  const output = await run({ ...sh("echo out; echo err >&2"), signal: never });
  expect(output).toEqual({ stdout: "out", stderr: "err" });
});

it("reads both pipes at once: a program that fills one of them does not hang", async () => {
  const script =
    "i=0; while [ $i -lt 3000 ]; do printf '%0100d' 0 >&2; i=$((i+1)); done; echo done";
  const { stdout, stderr } = await run({ ...sh(script), signal: never });
  expect(stdout).toBe("done");
  expect(stderr).toHaveLength(300_000);
});

it("hands arguments over as they are: no shell reads them", async () => {
  const args = ["%s|%s|%s", "$(touch /tmp/never)", "a b", "; rm -rf /"];
  const { stdout } = await run({ file: "printf", args, signal: never });
  expect(stdout).toBe("$(touch /tmp/never)|a b|; rm -rf /");
});

it("hands on nothing of the environment but what it was given", async () => {
  const { stdout } = await run({ file: "env", args: [], env: { ONE: "1" }, signal: never });
  const names = stdout.split("\n").map((line) => line.split("=")[0]);
  expect(new Set(names)).toEqual(new Set(["INHERITED", "ONE", "PATH"]));
});

it("calls back with each line of stderr as it comes, and keeps them", async () => {
  const lines: string[] = [];
  const onErrorLine = (line: string) => void lines.push(line);
  const output = await run({ ...sh("echo one >&2; echo two >&2"), signal: never, onErrorLine });
  expect(lines).toEqual(["one", "two"]);
  expect(output.stderr).toBe("one\ntwo");
});

it("takes a stdout that is too large to keep line by line", async () => {
  let count = 0;
  const onOutputLine = () => void (count += 1);
  const { stdout } = await run({ file: "seq", args: ["100000"], signal: never, onOutputLine });
  expect(count).toBe(100_000);
  expect(stdout).toBe("");
});

it.each([
  ["fails", sh("exit 3"), "sh -c exit 3 ended with 3"],
  ["is killed", sh("kill -9 $$"), "ended with a signal"],
  ["is not installed", { file: "no-such-program", args: [] }, "no-such-program is not installed"],
])("does not wait for input of a program that %s", async (_, command, why) => {
  await expect(run({ ...command, input: endless("one"), signal: never })).rejects.toThrow(why);
});

it("writes input for as long as it is read, and takes an end in the midst of it for none of its own", async () => {
  const { stdout } = await run({
    ...sh("read a; read b; echo $b $a"),
    input: endless("one", "two"),
    signal: never,
  });
  expect(stdout).toBe("two one");
});

/** Lines, and then nothing more, for ever. */
async function* endless(...lines: readonly string[]): AsyncGenerator<string> {
  yield* lines.map((line) => `${line}\n`);
  await new Promise(() => undefined);
}

it("says how a program failed, with the end of what it said", async () => {
  const failing = run({ ...sh("echo why >&2; exit 3"), signal: never });
  await expect(failing).rejects.toThrow(/^sh -c .* ended with 3: why$/);
  await expect(failing).rejects.toMatchObject({
    outcome: { exitCode: 3, stderr: "why", missing: false },
  });
});

it("says that a program is not installed", async () => {
  const failing = run({ file: "no-such-program", args: [], signal: never });
  await expect(failing).rejects.toThrow("no-such-program is not installed");
  await expect(failing).rejects.toMatchObject({ outcome: { missing: true } });
  await expect(failing).rejects.toBeInstanceOf(CommandFailed);
});

it("stops a program that takes too long, with its children", async () => {
  const marker = `7${process.pid}.1`;
  const failing = run({
    ...sh(`sleep ${marker} & sleep ${marker}`),
    signal: never,
    timeoutMs: 100,
  });
  await expect(failing).rejects.toMatchObject({ outcome: { timedOut: true } });
  expect(isRunning(marker)).toBe(false);
});

it("stops a program that is aborted, with its children, and even one that does not want to", async () => {
  const marker = `7${process.pid}.2`;
  const stop = new AbortController();
  const script = `trap '' TERM; echo ready >&2; sleep ${marker}; sleep ${marker}`;
  const onErrorLine = () => stop.abort(new Error("no longer wanted"));
  const start = performance.now();
  await expect(run({ ...sh(script), signal: stop.signal, onErrorLine })).rejects.toThrow(
    "no longer wanted",
  );
  expect(performance.now() - start).toBeLessThan(8000);
  expect(isRunning(marker)).toBe(false);
}, 15_000);

it("does not start what was aborted before", async () => {
  const aborted = AbortSignal.abort(new Error("too late"));
  await expect(run({ ...sh("echo"), signal: aborted })).rejects.toThrow("too late");
});
