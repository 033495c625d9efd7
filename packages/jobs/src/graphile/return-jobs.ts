import type { QueryConfig } from "pg";
import type { Queryable } from "../database/queryable.ts";

/**
 * Gives back jobs that a pool has locked and not begun, as Graphile Worker gives back what it has prefetched: free, with their queues, the attempt unused. What
 * the pool has locked since the statement, or its transaction, began is not touched: it may have begun by then.
 */
const returnSql = (which: string) => `
  with job as (
    update graphile_worker._private_jobs
    set attempts = greatest(0, attempts - 1), locked_by = null, locked_at = null
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

/**
 * Ends fetches whose answers nobody reads: an answer that does not fit into the buffers of the sockets keeps its transaction open, and with it the locks of its jobs, which
 * nobody can give back before.
 */
export function endUnreadFetches(poolId: string): QueryConfig {
  return {
    text: `select pg_terminate_backend(pid) from pg_stat_activity
           where datname = current_database() and usename = session_user and state = 'active' and wait_event = 'ClientWrite'
             and starts_with(query, $1)`,
    values: [startOfFetch(poolId)],
  };
}
