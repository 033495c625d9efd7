import type { QueryConfig } from "pg";
import { isSupersededSql } from "./job-locks.ts";
import type { Queryable } from "../database/queryable.ts";

/** A superseded job gets no attempts back, because it must not run any more. */
const attemptsLeftSql = (job: string) =>
  `case when ${isSupersededSql(job)} then ${job}.attempts else greatest(0, ${job}.attempts - 1) end`;

const attemptUnused = "attempts = GREATEST(0, attempts - 1)";

/** The statement by which a pool of Graphile Worker returns prefetched jobs, without attempts for superseded ones. */
export function returnUnsuperseded(config: QueryConfig): QueryConfig {
  const text = config.text.replace(attemptUnused, `attempts = ${attemptsLeftSql("jobs")}`);
  return { ...config, name: `unsuperseded_${config.name}`, text };
}

/**
 * Returns jobs that a pool has locked and not begun, as Graphile Worker returns prefetched jobs: the job and its named queue are
 * free, and the attempt is unused. Locks that are newer than the transaction of this statement are not touched, because those
 * jobs may have begun. A lock in the future is of a server before this one, whose clock was ahead.
 */
const returnSql = (which: string) => `
  with job as (
    update graphile_worker._private_jobs
    set attempts = ${attemptsLeftSql("_private_jobs")}, locked_by = null, locked_at = null
    where ${which} and locked_by = $1::text and (locked_at <= now() or locked_at > clock_timestamp())
    returning job_queue_id
  ), queue as (
    update graphile_worker._private_job_queues as job_queue
    set locked_by = null, locked_at = null
    from job
    where job_queue.id = job.job_queue_id and job_queue.locked_by = $1::text
  )
  select count(*)::int as count from job`;

export function returnOnly(poolId: string, jobIds: readonly string[]): QueryConfig {
  return { text: returnSql("id = any($2::bigint[])"), values: [poolId, jobIds] };
}

/** Reads the whole table, because there is no index for this condition. */
export function returnAllBut(poolId: string, jobIds: readonly string[]): QueryConfig {
  return { text: returnSql("id <> all($2::bigint[])"), values: [poolId, jobIds] };
}

/** Returns all jobs that a pool has locked. Only for a pool that can lock no more. */
export async function giveBackAll(db: Queryable, poolId: string): Promise<void> {
  const { text, values } = returnAllBut(poolId, []);
  const { rows } = await db.query(text, values);
  const count = Number(rows[0]?.["count"]);
  if (count > 0) await db.query("select pg_notify('jobs:insert', json_build_object('count', $1::int)::text)", [count]);
}

/** Graphile Worker does not announce returned jobs: other workers would find them only by their next poll. */
export function announce(count: number): QueryConfig {
  return {
    text: "select pg_notify('jobs:insert', json_build_object('count', $1::int)::text)",
    values: [count],
  };
}

/** The beginning of the text of a pool's fetch. */
export const startOfFetch = (poolId: string) => `/* ${poolId} */ `;
