import { setTimeout as pause } from "node:timers/promises";
import { fetchingSessions } from "../graphile/fetching-sessions.ts";
import { lockedJobIds } from "../graphile/job-locks.ts";
import type { GraphilePool } from "../graphile/pool.ts";
import type { Queryable } from "../database/queryable.ts";

interface Look {
  readonly fetching: readonly string[];
  readonly locked: readonly string[];
}

/**
 * Looks for jobs that a pool has locked without knowing of them, because the answer to a fetch was lost. Nothing would
 * run them as
 * long as the pool lives. A job must be seen twice, with a pause in between: otherwise its answer may still be on the way.
 *
 * A fetch whose connection was lost may wait for a lock still, and lock jobs later. So none are lost only when all sessions that
 * were fetching at the first look have been seen without a fetch.
 */
export async function findLostLocks(
  db: Queryable,
  pool: Pick<GraphilePool, "id" | "holds">,
  { pauseMs, signal }: { readonly pauseMs: number; readonly signal: AbortSignal },
): Promise<"none" | "some" | "unknown"> {
  let before: readonly string[] | undefined;
  let mayLock: readonly string[] | undefined;
  while (!signal.aborted) {
    await pause(pauseMs, undefined, { signal }).catch(() => undefined);
    // The database does not answer, so the result is unknown.
    const seen = await look(db, pool.id).catch(() => undefined);
    if (seen === undefined) continue;
    mayLock = mayLock?.filter((session) => seen.fetching.includes(session)) ?? seen.fetching;
    const unknown = seen.locked.filter((jobId) => !pool.holds(jobId));
    if (unknown.length === 0 && mayLock.length === 0) return "none";
    if (unknown.some((jobId) => before?.includes(jobId))) return "some";
    before = unknown;
  }
  return "unknown";
}

/** In this order: the locks of a fetch that has ended meanwhile are seen. */
async function look(db: Queryable, poolId: string): Promise<Look> {
  const fetching = await fetchingSessions(db, poolId);
  return { fetching, locked: await lockedJobIds(db, poolId) };
}
