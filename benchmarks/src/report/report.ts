import type { Benchmark, Size } from "../benchmark.ts";
import type { Verdict } from "../measure/judge.ts";
import type { CaseResult } from "../measure/results.ts";
import type { Machine } from "./machine.ts";

/** Everything one run of the benchmarks has to tell. */
export interface Report {
  readonly machine: Machine;
  readonly size: Size;
  readonly command: string;
  readonly seconds: number;
  readonly servers: {
    readonly postgres: Readonly<Record<string, string>>;
    readonly redis: string | undefined;
  };
  readonly benchmarks: readonly Benchmark[];
  readonly results: readonly JudgedResult[];
}

export interface JudgedResult extends CaseResult {
  readonly verdicts: readonly Verdict[];
}
