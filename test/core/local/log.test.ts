import { join } from "node:path";
import { expect, it } from "vitest";
import { program } from "../../support/program.ts";

const root = join(import.meta.dirname, "../../..");

/** What a log writes on stdout, line by line. */
async function written(how: string, lines: string): Promise<readonly string[]> {
  const source = `
    import { createLog } from "${root}/core/local/log.ts";
    import { inTrace } from "${root}/core/trace.ts";
    const trace = { traceId: "${"a".repeat(32)}", spanId: "${"b".repeat(16)}", sampled: true };
    const log = createLog(${how});
    ${lines}
  `;
  const args = ["--input-type=module", "--eval", source];
  const { stdout } = await program(process.execPath, args);
  return stdout.split("\n").filter((line) => line !== "");
}

it("a line of JSON has the fields that Cloud Logging reads, trace and labels among them", async () => {
  const origin = `{ project: "p", labels: { deployment: "firn" } }`;
  const lines = await written(
    `"json", "info", ${origin}`,
    `inTrace(() => trace, () => log("WARNING", "in a trace\\n{", { key: "k" }));
     log("INFO", "outside");`,
  );
  const [inside, outside] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(inside).toMatchObject({
    severity: "WARNING",
    message: "in a trace\n{",
    key: "k",
    "logging.googleapis.com/trace": `projects/p/traces/${"a".repeat(32)}`,
    "logging.googleapis.com/spanId": "b".repeat(16),
    "logging.googleapis.com/trace_sampled": true,
    "logging.googleapis.com/labels": { deployment: "firn" },
  });
  expect(outside).not.toHaveProperty(["logging.googleapis.com/trace"]);
  expect(lines).toHaveLength(2);
});

it("what metrics count is written whatever the level is", async () => {
  const lines = await written(
    `"json", "error"`,
    `log("INFO", "counted", { event: "pull" }); log("INFO", "not counted");`,
  );
  expect(lines.map((line) => (JSON.parse(line) as { message: string }).message)).toEqual([
    "counted",
  ]);
});

it("a person at a terminal sees neither traces nor what is only counted", async () => {
  const lines = await written(
    `"text", "info"`,
    `inTrace(() => trace, () => log("INFO", "git is ready", { event: "build" }));
     log("INFO", "pull of git: served", { event: "pull" });
     log("INFO", "nothing is queued", { event: "maintenance" });`,
  );
  expect(lines.map((line) => line.replace(/^\[.*?\] /, ""))).toEqual(["INFO: git is ready"]);
});

const log = join(import.meta.dirname, "../../../core/local/log.ts");

/** What a process prints whose log is told this. */
async function printed(format: string, message: string): Promise<string> {
  const source = `import { createLog } from ${JSON.stringify(log)};
    createLog(${JSON.stringify(format)}, "info")("INFO", ${JSON.stringify(message)});`;
  const args = ["--input-type=module", "--eval", source];
  return (await program(process.execPath, args)).stdout;
}

const message = "refused user:al\u001b[2J\u009b31mice\u0007: no\nINFO all is well\r\u202e";

it("a line of text shows escapes of terminals as what they are, and lets no message begin a line", async () => {
  const [first, second, ...more] = (await printed("text", message)).split("\n");
  expect(first).toMatch(/ INFO: refused user:al\\u\{1b\}\[2J\\u\{9b\}31mice\\u\{7\}: no$/);
  expect(second).toBe("    INFO all is well\\u{d}\\u{202e}");
  expect(more).toEqual([]);
});

it("a line of JSON is one, and what is read out of it obeys nobody either", async () => {
  const text = await printed("json", message);
  expect(text.split("\n")).toHaveLength(1);
  expect(JSON.parse(text)).toMatchObject({
    severity: "INFO",
    message: "refused user:al\\u{1b}[2J\\u{9b}31mice\\u{7}: no\nINFO all is well\\u{d}\\u{202e}",
  });
});
