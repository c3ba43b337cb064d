import { difference } from "./difference.ts";
import { openOperator, readWish } from "./operator.ts";
import type { Terminal } from "./program.ts";
import { keyOf } from "./resource.ts";

const usage = `npm run status -- --project <id> --region <region> [--settings <file>]

Says what of a deployment is there, and what is not as its settings say. Ends with 1 if something is not.`;

/** `npm run status`. Answers with the exit code. */
export async function status(args: readonly string[], terminal: Terminal): Promise<number> {
  const { say } = terminal;
  const wish = await readWish(args, usage);
  await using operator = await openOperator(wish, terminal);
  const { live, unread } = await operator.look();
  const { resources } = operator.wanted;
  const { steps, obstacles } = difference(resources, live);
  const wrong = new Map(steps.map((step) => [keyOf(step.resource), step]));
  for (const resource of resources.filter(
    ({ kind, unwanted }) => kind !== "access" && unwanted !== true,
  )) {
    const step = wrong.get(keyOf(resource));
    const isThere = live.has(keyOf(resource));
    const state = !isThere ? "missing" : step === undefined ? "there" : "differs";
    const reason = step?.action === "update" ? `: ${step.because}` : "";
    say(`${state.padEnd(8)} ${keyOf(resource)}${reason}`);
  }
  const access = resources.filter(({ kind }) => kind === "access");
  const granted = access.filter((each) => live.has(keyOf(each)));
  say(`${granted.length} of ${access.length} rights are granted`);
  for (const line of [...unread.map((each) => `not seen: ${each}`), ...obstacles]) say(line);
  const address = live.size > 0 ? await operator.address() : undefined;
  say(address === undefined ? "the registry has no address" : `the registry is ${address}`);
  const sound = steps.length === 0 && unread.length === 0 && obstacles.length === 0;
  if (!sound) say(`${steps.length} steps are left: npm run deploy -- --plan says which`);
  return sound ? 0 : 1;
}
