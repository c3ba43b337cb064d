import { isolation, type IsolationSettings } from "../core/isolation-settings.ts";
import { readSettings } from "../core/setting.ts";
import type { Bounds } from "./watch.ts";

/** What package sets may do while they are evaluated, and how much they may take. */
export interface EvaluationRules {
  /** Whether others may be built to read what they made. */
  readonly importFromDerivation: boolean;
  /** URLs that may be fetched, or what they begin with. */
  readonly urls: readonly string[];
  /** Whether files, environment, time and network of the worker may be used. */
  readonly impure: boolean;
  readonly timeoutMs: number;
  readonly bounds: Bounds;
}

export function rulesOf(limits: IsolationSettings): EvaluationRules {
  return {
    importFromDerivation: limits.importFromDerivation,
    urls: limits.evaluationUrls,
    impure: limits.impureEvaluation,
    timeoutMs: limits.evaluationSeconds * 1000,
    bounds: { memoryBytes: limits.evaluationMb * 1e6, processes: limits.buildProcesses },
  };
}

/** What holds where nothing is set: the narrowest. */
export const strictRules = rulesOf(readSettings(isolation, {}));
