import type { Pool } from "pg";
import { withQueryTimeout } from "../database/query-timeout.ts";
import { countFirstJobs, countJobs, type QueueCounts } from "../graphile/count-jobs.ts";

/** Milliseconds for the count of everything, and then for that of the first rows. */
export interface CountLimits {
  readonly allMs: number;
  readonly firstMs: number;
}

export interface BoundedCounts extends QueueCounts {
  /** There were too many to count: the numbers are the least that there are. */
  readonly isCapped: boolean;
}

/** Counts the jobs and dead letters of each task. If there are too many for the time, counts the first 10,000 of them. */
export async function countInTime(pool: Pool, { allMs, firstMs }: CountLimits): Promise<BoundedCounts> {
  try {
    return { ...(await countJobs(withQueryTimeout(pool, allMs))), isCapped: false };
  } catch (error) {
    if (!isOutOfTime(error)) throw error;
    return countFirstInTime(pool, firstMs);
  }
}

/** Counts the first 10,000 jobs and dead letters. */
export async function countFirstInTime(pool: Pool, withinMs: number): Promise<BoundedCounts> {
  return { ...(await countFirstJobs(withQueryTimeout(pool, withinMs))), isCapped: true };
}

/** A limit of ours, or one that the database or its operator has set. */
function isOutOfTime(error: unknown): boolean {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  return code === "57014" || message === "Query read timeout";
}
