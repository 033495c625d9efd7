import { setTimeout as pause } from "node:timers/promises";
import { lockedJobIds } from "../graphile/job-locks.ts";
import type { GraphilePool } from "../graphile/pool.ts";
import type { Queryable } from "../database/queryable.ts";

/**
 * Looks for jobs that a pool has locked without knowing of them, because the answer to a fetch was lost. Nothing would
 * run them as
 * long as the pool lives. A job must be seen twice, with a pause in between: otherwise its answer may still be on the way.
 */
export async function findLostLocks(
  db: Queryable,
  pool: Pick<GraphilePool, "id" | "holds">,
  { pauseMs, signal }: { readonly pauseMs: number; readonly signal: AbortSignal },
): Promise<"none" | "some" | "unknown"> {
  let before: readonly string[] | undefined;
  while (!signal.aborted) {
    await pause(pauseMs, undefined, { signal }).catch(() => undefined);
    // The database does not answer, so the result is unknown.
    const locked = await lockedJobIds(db, pool.id).catch(() => undefined);
    if (locked === undefined) continue;
    const unknown = locked.filter((jobId) => !pool.holds(jobId));
    if (unknown.length === 0) return "none";
    if (unknown.some((jobId) => before?.includes(jobId))) return "some";
    before = unknown;
  }
  return "unknown";
}
