import type { QueryConfig } from "pg";
import { idsOf, type Holding } from "./holding.ts";
import type { StatementKind } from "./statement-kinds.ts";

type Values = readonly unknown[];

/** A statement about jobs that have ended, or are returned. */
export interface Write {
  readonly how: "completed" | "failed" | "returned";
  readonly idsOf: (values: Values) => readonly string[];
  /** The values of the statement without some of the jobs. */
  readonly without: (values: Values, isLeftOut: (jobId: string) => boolean) => unknown[];
}

/**
 * The statements that Graphile Worker sends when a job has ended. They are idempotent, so a write whose answer was lost may be
 * repeated. Without that, the first failed write would end the pool.
 */
export const writes: Readonly<Record<Extract<StatementKind, "complete" | "fail" | "return">, Write>> = {
  complete: {
    how: "completed",
    idsOf: ([ids]) => toList(ids),
    without: ([ids, ...rest], isLeftOut) => [toList(ids).filter((id) => !isLeftOut(id)), ...rest],
  },
  // A pool that must end at once sends a list of jobs.
  fail: {
    how: "failed",
    idsOf: ([first, specs]) => (Array.isArray(first) ? toList(first) : toSpecs(specs).map(({ jobId }) => jobId)),
    without: ([first, second, ...rest], isLeftOut) =>
      Array.isArray(first)
        ? [toList(first).filter((id) => !isLeftOut(id)), second, ...rest]
        : [first, JSON.stringify(toSpecs(second).filter(({ jobId }) => !isLeftOut(jobId))), ...rest],
  },
  return: {
    how: "returned",
    idsOf: ([, ids]) => toList(ids),
    without: ([poolId, ids], isLeftOut) => [poolId, toList(ids).filter((id) => !isLeftOut(id))],
  },
};

function toList(ids: unknown): readonly string[] {
  return (Array.isArray(ids) ? ids : [ids]) as string[];
}

function toSpecs(specs: unknown): readonly { readonly jobId: string }[] {
  return JSON.parse(String(specs)) as { jobId: string }[];
}

/** A number stays where any job of it is to be written. */
export function withoutJobs(
  config: QueryConfig,
  { without }: Write,
  { left, written }: { readonly left: readonly Holding[]; readonly written: readonly Holding[] },
): QueryConfig {
  const [leftIds, writtenIds] = [new Set(idsOf(left)), new Set(idsOf(written))];
  const isLeftOut = (jobId: string) => leftIds.has(jobId) && !writtenIds.has(jobId);
  return { ...config, values: without(config.values ?? [], isLeftOut) };
}
