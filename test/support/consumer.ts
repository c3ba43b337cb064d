import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { pullSubscriptionNames, topicNames } from "../../core/google/topics.ts";

const root = join(import.meta.dirname, "../..");

/**
 * A process that takes one job from the emulator and never ends with it. Resolves when it has the job; `kill` is
 * SIGKILL, as when its machine is gone.
 */
export async function startConsumer(
  host: string,
  projectId: string,
  ackDeadlineSeconds: number,
): Promise<AsyncDisposable & { kill(): void }> {
  const topic = topicNames("firn").jobs;
  const subscription = pullSubscriptionNames("firn").jobs;
  const options = { topic, subscription, ackDeadlineSeconds };
  const program = `
    import { connectPubsub } from "${root}/core/google/pubsub.ts";
    import { createGoogleJobQueue } from "${root}/core/google/job-queue.ts";
    const pubsub = connectPubsub(${JSON.stringify({ projectId, apiEndpoint: host })});
    const log = () => undefined;
    const queue = createGoogleJobQueue({ pubsub, log, ...${JSON.stringify(options)} });
    const handle = async () => {
      process.stdout.write("has a job");
      await new Promise(() => undefined);
    };
    await queue.consume(1, handle, new AbortController().signal);
  `;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = once(child, "exit");
  const has = await Promise.race([once(child.stdout, "data"), gone.then(() => undefined)]);
  if (has === undefined) throw new Error(`the consumer ended with ${child.exitCode}`);
  return {
    kill: () => void child.kill("SIGKILL"),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await gone;
    },
  };
}
