import type { Evaluation, Package, Question, UnknownPackage } from "../core/ports.ts";
import { evaluateExpression, evaluationMessage, type NixTools } from "./nix-command.ts";
import { suggest } from "./suggest.ts";

/** What nix/evaluate.nix answers for one name. */
type Answer =
  | {
      readonly state: "package";
      readonly attribute: string;
      readonly name: string;
      readonly version: string;
      readonly derivation: string;
      readonly outputs: readonly { readonly name: string; readonly path: string }[];
      readonly mainProgram: string | null;
      readonly priority: number;
    }
  | {
      readonly state: "not-found" | "not-a-package" | "ambiguous";
      readonly prefix: string;
      readonly names: readonly string[];
    }
  | { readonly state: "throws" };

type Answers = Readonly<Record<string, Answer>>;

/** Nix's names for the architectures of the OCI specification. */
const systems = { amd64: "x86_64-linux", arm64: "aarch64-linux" } as const;

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
    const answers = await evaluateExpression(tools, "evaluate.nix", { question: data }, signal);
    return answers as Answers; // the shape is evaluate.nix's to keep, and its tests hold it
  };

  /** The message one package fails with; undefined where it does not fail. */
  const complaint = async (name: string): Promise<string | undefined> => {
    try {
      await ask([name], false);
      return undefined;
    } catch (error) {
      const message = evaluationMessage(error);
      if (message === undefined) throw error;
      return `${name}: ${message}`;
    }
  };
  const complaints = async (names: readonly string[]): Promise<readonly string[]> => {
    const found: string[] = [];
    for (const name of names) {
      const message = await complaint(name);
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
    // Nix can catch a throw, but not a wrong attribute or type: one such package takes the others down with it.
    const each = await complaints(question.packages);
    return failed(each.length > 0 ? each : [message]);
  }

  const unknown = question.packages.flatMap((name) => unknownPackage(name, answers[name]));
  if (unknown.length > 0) return { state: "packages-unknown", unknown };
  const throwing = question.packages.filter((name) => answers[name]?.state === "throws");
  if (throwing.length > 0) return failed(await complaints(throwing));
  return {
    state: "evaluated",
    packages: all.flatMap((name) =>
      packageOf(name, answers[name], !question.packages.includes(name)),
    ),
  };
}

function failed(complaints: readonly string[]): Evaluation {
  return { state: "evaluation-failed", message: complaints.join("\n") };
}

function packageOf(asked: string, answer: Answer | undefined, optional: boolean): Package[] {
  if (answer?.state !== "package") return [];
  const { attribute, name, version, derivation, outputs, priority } = answer;
  const mainProgram = answer.mainProgram ?? undefined;
  return [
    { asked, attribute, name, version, derivation, outputs, priority, mainProgram, optional },
  ];
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
