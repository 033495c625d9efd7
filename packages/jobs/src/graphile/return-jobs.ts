import type { QueryConfig } from "pg";
import { isSupersededSql } from "./job-locks.ts";
import type { Queryable } from "../database/queryable.ts";

/** One whose key a newer job has taken is not to run any more. */
const attemptsLeftSql = (job: string) =>
  `case when ${isSupersededSql(job)} then ${job}.attempts else greatest(0, ${job}.attempts - 1) end`;

const attemptUnused = "attempts = GREATEST(0, attempts - 1)";

/** The statement by which a pool of Graphile Worker gives back what it has prefetched. */
export function returnUnsuperseded(config: QueryConfig): QueryConfig {
  const text = config.text.replace(attemptUnused, `attempts = ${attemptsLeftSql("jobs")}`);
  return { ...config, name: `unsuperseded_${config.name}`, text };
}

/**
 * Gives back jobs that a pool has locked and not begun, as Graphile Worker gives back what it has prefetched: free, with their queues, the attempt unused. What
 * the pool has locked since the statement, or its transaction, began is not touched: it may have begun by then.
 */
const returnSql = (which: string) => `
  with job as (
    update graphile_worker._private_jobs
    set attempts = ${attemptsLeftSql("_private_jobs")}, locked_by = null, locked_at = null
    where ${which} and locked_by = $1::text and locked_at <= now()
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

/** Reads the whole table: there is no index for it. */
export function returnAllBut(poolId: string, jobIds: readonly string[]): QueryConfig {
  return { text: returnSql("id <> all($2::bigint[])"), values: [poolId, jobIds] };
}

/** Whatever a pool has locked, once it can lock nothing more. */
export async function giveBackAll(db: Queryable, poolId: string): Promise<void> {
  const { text, values } = returnAllBut(poolId, []);
  const { rows } = await db.query(text, values);
  const count = Number(rows[0]?.["count"]);
  if (count > 0) await db.query("select pg_notify('jobs:insert', json_build_object('count', $1::int)::text)", [count]);
}

/** Graphile Worker tells nobody what it gives back; other workers would find it by their poll. */
export function announce(count: number): QueryConfig {
  return {
    text: "select pg_notify('jobs:insert', json_build_object('count', $1::int)::text)",
    values: [count],
  };
}

/** What the text of a pool's question for jobs begins with. */
export const startOfFetch = (poolId: string) => `/* ${poolId} */ `;
