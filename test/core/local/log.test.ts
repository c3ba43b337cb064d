import { join } from "node:path";
import { expect, it } from "vitest";
import { program } from "../../support/program.ts";

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
