import { parseArgs } from "node:util";
import { messageOf } from "../../core/log.ts";
import { startPushRegistry } from "./push-registry.ts";

// `npm run test:push-registry`: a registry to push to, until Ctrl-C, for the specification's conformance program.
const { values } = parseArgs({
  options: {
    port: { type: "string", default: "5000" },
    // Whether each request is printed.
    verbose: { type: "boolean", default: false },
  },
});
const stop = Promise.withResolvers<void>();
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.resolve());
const say = (severity: string, message: string) => {
  if (values.verbose || severity === "ERROR") process.stdout.write(`${message}\n`);
};
try {
  await using registry = await startPushRegistry(Number(values.port), say);
  process.stdout.write(`a registry to push to, for tests, is up at http://${registry.host}\n`);
  await stop.promise;
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exitCode = 1;
}
