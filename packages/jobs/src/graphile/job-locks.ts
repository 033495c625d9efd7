import { ownMessages } from "./engine-errors.ts";
import { idFlagPrefix, idOfJob, isNoteOfJobSql, supersededFrom } from "./add-jobs.ts";
import type { Queryable } from "../database/queryable.ts";

export interface AbandonedJob {
  readonly jobId: string;
  readonly idempotencyKey: string;
  readonly task: string;
  readonly lockCount: number;
  readonly attempt: number;
  /**
   * What its worker left: `noted` what is to happen after this attempt; `started` the code, or not (`waiting`: locked
   * ahead, or taken in the moment of its worker's death). Of a first lock nobody knows. `superseded`: a newer job has taken
   * its key, and Graphile Worker has used up its attempts.
   */
  readonly trace: "noted" | "started" | "waiting" | "unknown" | "superseded";
}

/**
 * Whether a locked job of plain SQL, of few attempts, has lost its key to a newer one: Graphile Worker has used up its attempts since it was locked. Of a
 * transaction that had begun before the lock nobody can tell; the job is then taken for one in its last attempt.
 */
export const isSupersededSql = (job: string) =>
  `(${job}.key is null and ${job}.attempts = ${job}.max_attempts and ${job}.updated_at > ${job}.locked_at)`;

const lockedBySql = `
  select job.id::text as job_id, job.task_identifier as task, job.attempts as lock_count, job.flags::text,
    installation.id::text as installation_id, coalesce(note.uncounted, 0) as uncounted,
    case
      when job.attempts >= ${supersededFrom} or ${isSupersededSql("job")} then 'superseded'
      when note.attempt in (job.attempts, job.attempts - 1) and not note.is_settled then 'noted'
      when job.attempts <= 1 then 'unknown'
      when note.job_id is null or note.started_attempt = job.attempts then 'started'
      else 'waiting'
    end as trace
  from graphile_worker.jobs as job
  cross join acme_jobs.installation
  left join acme_jobs.failures as note on note.job_id = job.id and ${isNoteOfJobSql}
  where job.locked_by = any($1::text[])`;

/**
 * To be joined to what was read of a free job, before it is removed or put off by its number: locks its row if that is still as it was read. Somebody may be
 * about to put another job into it, through its key; a statement that waits for that acts on what is there afterwards. What is locked is left for later.
 */
export const unchangedSql = (job: string) => `
  join lateral (
    select from graphile_worker._private_jobs as locked
    where locked.id = ${job}.id and locked.locked_at is null and locked.revision = ${job}.revision
      and locked.attempts = ${job}.attempts and locked.run_at = ${job}.run_at
    for update skip locked
  ) as unchanged on true`;

/**
 * The jobs that these pools have locked, and go on having locked until the end of the transaction: whoever is just about to write of one has done so before
 * it is read here.
 */
export async function jobsLockedBy(transaction: Queryable, poolIds: readonly string[]): Promise<AbandonedJob[]> {
  await transaction.query(
    "select from graphile_worker._private_jobs where locked_by = any($1::text[]) order by id for update",
    [poolIds],
  );
  const { rows } = await transaction.query(lockedBySql, [poolIds]);
  return rows.map((row) => {
    const jobId = String(row["job_id"]);
    const id = idOfJob(row["flags"] as string | null);
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

/** Whether a newer job has taken the key that this one had when it was fetched. */
export async function isSuperseded(db: Queryable, jobId: string): Promise<boolean> {
  const { rows } = await db.query("select from graphile_worker.jobs where id = $1::bigint and key is null", [jobId]);
  return rows.length > 0;
}

/** Removes jobs that nobody would take again. */
export async function removeSuperseded(db: Queryable, jobIds: readonly string[]): Promise<void> {
  if (jobIds.length === 0) return;
  await db.query("select from graphile_worker.complete_jobs($1::bigint[])", [jobIds]);
  await db.query("delete from acme_jobs.failures where job_id = any($1::bigint[])", [jobIds]);
}

/** Those of this package whose keys newer ones have taken, and which are free: their run ended, and could not be settled. */
export async function supersededJobIds(db: Queryable): Promise<string[]> {
  const { rows } = await db.query(
    `select job.id::text from graphile_worker.jobs as job
     where job.attempts >= ${supersededFrom} and job.locked_at is null and job.key is null
       and (job.last_error is null or job.last_error = any($1::text[]))
       and exists (select 1 from jsonb_object_keys(job.flags) as flag where flag like '${idFlagPrefix}%')
     limit 1000`,
    [ownMessages],
  );
  return rows.map((row) => String(row["id"]));
}

/**
 * Frees named queues whose pool holds no job of them: somebody has removed that job by hand, and nobody else would. Graphile Worker locks and frees both
 * in one statement; one that locks the queue anew meanwhile is told by the time.
 */
export async function freeDesertedQueues(db: Queryable): Promise<void> {
  await db.query(
    `update graphile_worker._private_job_queues as queue set locked_at = null, locked_by = null
     where queue.locked_at < clock_timestamp() - interval '1 minute' and not exists (
       select from graphile_worker._private_jobs as job
       where job.job_queue_id = queue.id and job.locked_by = queue.locked_by
     )`,
  );
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
