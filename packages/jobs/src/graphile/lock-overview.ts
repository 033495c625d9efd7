import type { Queryable } from "../database/queryable.ts";

/** Which jobs one pool has locked. */
export interface LocksOfPool {
  readonly poolId: string;
  readonly jobCount: number;
  readonly oldestMs: number;
}

/** What frees the locks of pools that are surely dead; to be shown. */
export const unlockStatement = "select graphile_worker.force_unlock_workers(array['…'])";

export const mostPools = 1_000;

/** Locked jobs by pool, those of the oldest locks first. */
export async function locksByPool(db: Queryable): Promise<readonly LocksOfPool[]> {
  const { rows } = await db.query(
    `select locked_by as pool_id, count(*)::int as count, extract(epoch from clock_timestamp() - min(locked_at)) * 1000 as oldest_ms
     from graphile_worker.jobs where locked_by is not null
     group by locked_by order by min(locked_at) limit ${mostPools}`,
  );
  return rows.map((row) => ({
    poolId: String(row["pool_id"]),
    jobCount: Number(row["count"]),
    oldestMs: Number(row["oldest_ms"]),
  }));
}

/** A named queue that is locked although no job holds it, and how many jobs wait for it. */
export interface OrphanedQueue {
  readonly name: string;
  readonly lockedMs: number;
}

const mostQueues = 100;

/** Needs the right to read the table of queues: Graphile Worker has no view of it. */
export async function orphanedQueues(db: Queryable): Promise<readonly OrphanedQueue[]> {
  const { rows } = await db.query(
    `select queue_name as name, extract(epoch from clock_timestamp() - queue.locked_at) * 1000 as locked_ms
     from graphile_worker._private_job_queues as queue
     where queue.locked_at < clock_timestamp() - interval '1 minute' and not exists (
       select from graphile_worker.jobs as job where job.locked_by = queue.locked_by and job.queue_name = queue.queue_name
     )
     order by queue.locked_at limit ${mostQueues}`,
  );
  return rows.map((row) => ({ name: String(row["name"]), lockedMs: Number(row["locked_ms"]) }));
}

const mostGone = 1_000;

/** How many notes are left of jobs that are gone, counted to a thousand among the oldest notes. */
export async function countGoneFailures(db: Queryable): Promise<number> {
  const { rows } = await db.query(
    `select count(*)::int as count from (
       select job_id from acme_jobs.failures where updated_at < now() - interval '1 hour' limit ${mostGone}
     ) as note
     where not exists (select from graphile_worker.jobs as job where job.id = note.job_id)`,
  );
  return Number(rows[0]?.["count"]);
}
