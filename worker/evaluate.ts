import type { Evaluation, Package, Question, UnknownPackage } from "../core/ports.ts";
import { checkPackage, type DescribedPackage } from "./described-package.ts";
import { evaluatePackages } from "./evaluate-packages.ts";
import { evaluationMessage, wasStopped, type NixTools } from "./nix-command.ts";
import { suggest } from "./suggest.ts";

/** What nix/evaluate.nix answers for one name. */
type Answer =
  | (DescribedPackage & {
      readonly state: "package";
      readonly attribute: string;
      readonly priority: number;
    })
  | {
      readonly state: "not-found" | "not-a-package" | "ambiguous";
      readonly prefix: string;
      readonly names: readonly string[];
    }
  | { readonly state: "throws" };

type Answers = Readonly<Record<string, Answer>>;

/** Nix's names for the architectures of the OCI specification. */
export const systems = { amd64: "x86_64-linux", arm64: "aarch64-linux" } as const;

/** Asks the package set in `source`, a store path, for derivations. All names that are wrong are reported together. */
export async function evaluate(
  tools: NixTools,
  question: Question & { readonly source: string; readonly allowUnfree: boolean },
  signal: AbortSignal,
): Promise<Evaluation> {
  const { source, allowUnfree } = question;
  const all = [...new Set([...question.packages, ...question.optional])];
  const ask = async (packages: readonly string[], shouldCatch: boolean): Promise<Answers> => {
    const system = systems[question.architecture];
    const data = { source, system, allowUnfree, packages, catch: shouldCatch };
    const answers = await evaluatePackages(tools, "evaluate.nix", data, signal);
    return answers as Answers; // the shape is evaluate.nix's to keep, and its tests hold it
  };

  /** The message one package fails with; undefined where it does not fail. */
  const complaint = async (name: string, throws: boolean): Promise<string | undefined> => {
    let thrown = throws;
    try {
      // What Nix catches is the package's own, though it may read like an outage.
      thrown ||= (await ask([name], true))[name]?.state === "throws";
      if (thrown) await ask([name], false);
      return undefined;
    } catch (error) {
      const message = evaluationMessage(error, thrown);
      if (message === undefined) throw error;
      return `${name}: ${message}`;
    }
  };
  const complaints = async (
    names: readonly string[],
    throws: boolean,
  ): Promise<readonly string[]> => {
    const found: string[] = [];
    for (const name of names) {
      const message = await complaint(name, throws);
      if (message !== undefined) found.push(message);
    }
    return found;
  };

  let answers: Answers;
  try {
    answers = await ask(all, true);
  } catch (error) {
    const message = evaluationMessage(error);
    if (message === undefined) throw error;
    if (wasStopped(error)) return failed([message]);
    // Nix can catch a throw, but not a wrong attribute or type: one such package takes the others down with it.
    const each = await complaints(question.packages, false);
    return failed(each.length > 0 ? each : [message]);
  }

  const unknown = question.packages.flatMap((name) => unknownPackage(name, answers[name]));
  if (unknown.length > 0) return { state: "packages-unknown", unknown };
  const throwing = question.packages.filter((name) => answers[name]?.state === "throws");
  if (throwing.length > 0) return failed(await complaints(throwing, true));
  const packages: Package[] = [];
  const odd: string[] = [];
  for (const name of all) {
    const optional = !question.packages.includes(name);
    const found = packageOf(name, answers[name], optional);
    if (typeof found === "object") packages.push(found);
    else if (found !== undefined && !optional) odd.push(`${name}: ${found}`);
  }
  return odd.length > 0 ? failed(odd) : { state: "evaluated", packages };
}

function failed(complaints: readonly string[]): Evaluation {
  return { state: "evaluation-failed", message: complaints.join("\n") };
}

// A string is what is wrong with the package, undefined that there is none.
function packageOf(
  asked: string,
  answer: Answer | undefined,
  optional: boolean,
): Package | string | undefined {
  if (answer?.state !== "package") return undefined;
  const { attribute, priority } = answer;
  const checked = checkPackage(answer);
  if (typeof checked === "string") return checked;
  return { asked, attribute, ...checked, priority, optional };
}

function unknownPackage(asked: string, answer: Answer | undefined): UnknownPackage[] {
  if (answer === undefined) throw new Error(`evaluate.nix said nothing of ${asked}`);
  if (answer.state === "package" || answer.state === "throws") return [];
  const { prefix, names } = answer;
  const qualified = (name: string) => (prefix === "" ? name : `${prefix}.${name}`);
  const component = asked.split(".")[prefix === "" ? 0 : prefix.split(".").length] ?? "";
  const near = answer.state === "not-found" ? suggest(component, names) : names.slice(0, 5);
  return [{ asked, reason: answer.state, suggestions: near.map(qualified) }];
}
