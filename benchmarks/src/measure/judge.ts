import type { Goal } from "../benchmark.ts";
import type { CaseResult } from "./results.ts";
import { type Spread, spreadOf } from "./statistics.ts";

export interface Verdict {
  readonly goal: Goal;
  /** In words: `acme ≤ 1.03× the time of pg`. */
  readonly text: string;
  /** `undefined` where one of the sides has no figures. */
  readonly ratio: Spread | undefined;
  readonly holds: boolean | undefined;
  /** By what factor the limit is missed; 1 or less where it holds. */
  readonly missedBy: number | undefined;
}

/** Pairs the runs of one round, which had the same neighbours in time, and takes the median of their ratios. */
export function judge(result: CaseResult, goal: Goal): Verdict {
  const rounds = Math.max(0, ...[...result.figures.values()].map(({ length }) => length));
  const ratios = Array.from({ length: rounds }, (_, round) => ratioIn(result, goal, round)).filter(Number.isFinite);
  const text = describe(result, goal);
  if (ratios.length === 0) return { goal, text, ratio: undefined, holds: undefined, missedBy: undefined };
  const ratio = spreadOf(ratios);
  const missedBy = goal.kind === "speed" ? goal.limit / ratio.median : ratio.median / goal.limit;
  const holds = goal.kind === "speed" ? ratio.median >= goal.limit : ratio.median <= goal.limit;
  return { goal, text, ratio, holds, missedBy };
}

function ratioIn(result: CaseResult, goal: Goal, round: number): number {
  const figure = (contestant: string) => result.figures.get(contestant)?.[round]?.[goal.metric] ?? NaN;
  const own = figure(goal.of);
  if (goal.kind === "value") return own;
  const higherIsBetter = betterOf(result, goal) === "higher";
  const others = goal.against.map(figure).filter(Number.isFinite);
  const best = higherIsBetter ? Math.max(...others) : Math.min(...others);
  const speed = higherIsBetter ? own / best : best / own;
  return goal.kind === "speed" ? speed : 1 / speed;
}

function betterOf({ case: { metrics } }: CaseResult, { metric }: Goal): "lower" | "higher" {
  return metrics.find(({ name }) => name === metric)?.better ?? "lower";
}

function describe(result: CaseResult, { of, against, kind, limit, metric }: Goal): string {
  const present = against.filter((name) => result.figures.has(name));
  const other = present.length > 1 ? `the best of ${present.join(", ")}` : (present[0] ?? against.join(", "));
  if (kind === "value") return `${of}: ${metric} ≤ ${limit}`;
  return kind === "speed" ? `${of} ≥ ${limit}× ${other} (${metric})` : `${of} ≤ ${limit}× ${other} (${metric})`;
}
