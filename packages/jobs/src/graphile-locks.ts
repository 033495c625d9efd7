import { idOfJob } from "./graphile-jobs.ts";
import type { Queryable } from "./queryable.ts";

export interface AbandonedJob {
  readonly jobId: string;
  readonly idempotencyKey: string;
  readonly task: string;
  readonly attempt: number;
  /** Whether its worker had noted what is to happen after this attempt. */
  readonly isNoted: boolean;
}

const lockedBySql = `
  select job.id::text as job_id, job.task_identifier as task, job.attempts, job.flags,
    installation.id::text as installation_id,
    exists (
      select 1 from acme_jobs.failures as note
      where note.job_id = job.id and note.attempt = job.attempts and not note.is_settled
    ) as is_noted
  from graphile_worker.jobs as job
  cross join acme_jobs.installation
  where job.locked_by = any($1::text[])`;

/** The jobs that these pools have locked. */
export async function jobsLockedBy(db: Queryable, poolIds: readonly string[]): Promise<AbandonedJob[]> {
  const { rows } = await db.query(lockedBySql, [poolIds]);
  return rows.map((row) => {
    const jobId = String(row["job_id"]);
    return {
      jobId,
      idempotencyKey: idempotencyKeyOf(
        idOfJob(row["flags"] as Record<string, unknown> | null),
        String(row["installation_id"]),
        jobId,
      ),
      task: String(row["task"]),
      attempt: Number(row["attempts"]),
      isNoted: row["is_noted"] === true,
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
