import type { Case, Figures } from "../benchmark.ts";

/** What the runs of one case came to. */
export interface CaseResult {
  readonly benchmark: string;
  readonly case: Case;
  /** By contestant, one entry for each round; `undefined` where a run's figure was thrown out. */
  readonly figures: ReadonlyMap<string, readonly (Figures | undefined)[]>;
  /** By contestant: why it has no figures, or fewer. */
  readonly troubles: ReadonlyMap<string, string>;
}

export function valuesOf(result: CaseResult, contestant: string, metric: string): number[] {
  return (result.figures.get(contestant) ?? []).flatMap((figures) => figures?.[metric] ?? []);
}
