import { idOfJob } from "./graphile-jobs.ts";
import type { Queryable } from "./queryable.ts";

export interface AbandonedJob {
  readonly jobId: string;
  readonly idempotencyKey: string;
  readonly task: string;
  readonly lockCount: number;
  readonly attempt: number;
  /**
   * What its worker left: `noted` what is to happen after this attempt; `started` the code, or not (`waiting`: locked
   * ahead, or taken in the moment of its worker's death). Of a first lock nobody knows.
   */
  readonly trace: "noted" | "started" | "waiting" | "unknown";
}

const lockedBySql = `
  select job.id::text as job_id, job.task_identifier as task, job.attempts as lock_count, job.flags,
    installation.id::text as installation_id, coalesce(note.uncounted, 0) as uncounted,
    case
      when note.attempt = job.attempts and not note.is_settled then 'noted'
      when job.attempts <= 1 then 'unknown'
      when note.job_id is null or note.started_attempt = job.attempts then 'started'
      else 'waiting'
    end as trace
  from graphile_worker.jobs as job
  cross join acme_jobs.installation
  left join acme_jobs.failures as note on note.job_id = job.id
  where job.locked_by = any($1::text[])`;

/** The jobs that these pools have locked. */
export async function jobsLockedBy(db: Queryable, poolIds: readonly string[]): Promise<AbandonedJob[]> {
  const { rows } = await db.query(lockedBySql, [poolIds]);
  return rows.map((row) => {
    const jobId = String(row["job_id"]);
    const id = idOfJob(row["flags"] as Record<string, unknown> | null);
    const lockCount = Number(row["lock_count"]);
    return {
      jobId,
      idempotencyKey: idempotencyKeyOf(id, String(row["installation_id"]), jobId),
      task: String(row["task"]),
      lockCount,
      attempt: lockCount - Number(row["uncounted"]),
      trace: row["trace"] as AbandonedJob["trace"],
    };
  });
}

/** Takes the locks of jobs and named queues from these pools. */
export async function forceUnlock(db: Queryable, poolIds: readonly string[]): Promise<void> {
  await db.query("select graphile_worker.force_unlock_workers($1::text[])", [poolIds]);
}

/**
 * The id that `enqueue` made; for a job added by plain SQL one that no other set of tables repeats, since Graphile
 * Worker's own ids start again when its database is made anew.
 */
export function idempotencyKeyOf(id: string | undefined, installationId: string, jobId: string): string {
  return id ?? `${installationId}:${jobId}`;
}

export async function lockedJobIds(db: Queryable, poolId: string): Promise<string[]> {
  const { rows } = await db.query("select id::text from graphile_worker.jobs where locked_by = $1", [poolId]);
  return rows.map((row) => String(row["id"]));
}
