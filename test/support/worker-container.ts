import { printed } from "./client.ts";
import type { Docker } from "./docker.ts";
import { eventually } from "./eventually.ts";

/** The worker's image as a test runs it, over the network of this machine. */
export interface WorkerContainer {
  readonly id: string;
  /** The messages of its log so far. */
  said(): Promise<readonly string[]>;
  /** Waits for a message of its log. */
  untilSaid(pattern: RegExp): Promise<string>;
  /** Runs a command in it, and gives what that printed. */
  exec(...command: readonly string[]): Promise<string>;
  /** What it ended with. */
  exitCode(): Promise<number>;
}

export async function startContainer(
  docker: Docker,
  image: string,
  env: Readonly<Record<string, string>>,
  options: readonly string[] = [],
): Promise<WorkerContainer> {
  const variables = Object.entries(env).flatMap(([name, value]) => ["--env", `${name}=${value}`]);
  const run = ["run", "--detach", "--network", "host", ...variables, ...options, image];
  return containerOf(docker, (await printed(docker(...run))).trim());
}

function containerOf(docker: Docker, id: string): WorkerContainer {
  const said = async () => {
    const lines = (await docker("logs", id)).all.split("\n").filter((line) => line !== "");
    return lines.map((line) => {
      try {
        return (JSON.parse(line) as { message: string }).message; // core/local/log.ts
      } catch {
        return line; // what other programs say is text
      }
    });
  };
  const state = async (field: string) =>
    (await printed(docker("inspect", "--format", `{{.State.${field}}}`, id))).trim();
  return {
    id,
    said,
    exec: async (...command) => await printed(docker("exec", id, ...command)),
    async exitCode() {
      await printed(docker("wait", id));
      return Number(await state("ExitCode"));
    },
    untilSaid: async (pattern) =>
      await eventually(
        `the container says ${pattern}`,
        async () => {
          const messages = await said();
          const found = messages.find((message) => pattern.test(message));
          if (found === undefined && (await state("Running")) === "false") {
            throw new Error(`the container ended, and said:\n${messages.join("\n")}`);
          }
          return found;
        },
        120_000,
      ),
  };
}
