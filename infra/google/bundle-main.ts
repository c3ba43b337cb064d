import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { messageOf } from "../../core/log.ts";
import { bundleFunctions } from "./bundle.ts";

// `npm run bundle -- --out <folder>`: the functions as they are deployed.
try {
  const { values } = parseArgs({ options: { out: { type: "string" } } });
  if (values.out === undefined) throw new Error("say where to: npm run bundle -- --out <folder>");
  const folder = resolve(values.out);
  await bundleFunctions(folder);
  process.stdout.write(`${folder} can be deployed\n`);
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
