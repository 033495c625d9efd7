import { isAgedSql } from "../database/aged-sql.ts";
import { ownMessages } from "./engine-errors.ts";
import { idFlagPrefix, idOfJob, isNoteOfJobSql, plainIdSql, supersededFrom } from "./add-jobs.ts";
import type { Queryable } from "../database/queryable.ts";

export interface AbandonedJob {
  readonly jobId: string;
  readonly idempotencyKey: string;
  readonly task: string;
  readonly lockCount: number;
  readonly attempt: number;
  /**
   * What is known of the last lock. `noted`: there is a note on the attempt. `started`: the code has begun. `waiting`:
   * it has not;
   * the job was prefetched, or fetched just when its worker died. `unknown`: it was the first lock, of which this is not
   * recorded. `superseded`: a newer job has taken the key, and Graphile Worker has used up the attempts.
   */
  readonly trace: "noted" | "started" | "waiting" | "unknown" | "superseded";
}

/**
 * Whether a locked job has lost its key to a newer one, if it was added by plain SQL with few attempts: Graphile Worker has then
 * used up its attempts since it was locked. One that has only one attempt anyway, and was never touched since it was added, may
 * have been added by a server whose clock was ahead. If the transaction of the newer job had begun before the lock, this cannot be seen,
 * and the job counts as one in its last attempt.
 */
export const isSupersededSql = (job: string) =>
  `(${job}.key is null and ${job}.attempts = ${job}.max_attempts and ${job}.updated_at > ${job}.locked_at
    and ${job}.updated_at <> ${job}.created_at)`;

/**
 * Whether a free `job` without attempts may be one that has lost its key to a newer one. One that others have failed for good has
 * their error.
 *
 * @param messages - The parameter with {@link ownMessages}.
 */
export const lostKeySql = (messages: string) =>
  `(job.key is null and (job.last_error is null or job.last_error = any(${messages}::text[])))`;

const lockedBySql = `
  select job.id::text as job_id, job.task_identifier as task, job.attempts as lock_count, job.flags::text,
    ${plainIdSql} as plain_id, coalesce(note.uncounted, 0) as uncounted,
    case
      when job.attempts >= ${supersededFrom} or ${isSupersededSql("job")} then 'superseded'
      when note.attempt in (job.attempts, job.attempts - 1) and not note.is_settled then 'noted'
      when job.attempts <= 1 then 'unknown'
      when note.job_id is null or note.started_attempt = job.attempts then 'started'
      else 'waiting'
    end as trace
  from graphile_worker.jobs as job
  left join acme_jobs.failures as note on note.job_id = job.id and ${isNoteOfJobSql}
  where job.locked_by = any($1::text[])`;

/**
 * To be joined to a free job before a function removes or postpones it by its id. It locks the row if that has not
 * changed since it
 * was read. Otherwise a transaction could be about to put another job into the row, through its key, and the function would
 * wait for it and then act on the new job. Locked rows are left for later.
 */
export const unchangedSql = (job: string) => `
  join lateral (
    select from graphile_worker._private_jobs as locked
    where locked.id = ${job}.id and locked.locked_at is null and locked.revision = ${job}.revision
      and locked.attempts = ${job}.attempts and locked.run_at = ${job}.run_at
    for update skip locked
  ) as unchanged on true`;

/**
 * The jobs that these pools have locked. Their rows stay locked until the end of the transaction. If a pool is just
 * writing the end
 * of a job, this waits for it, and then reads the result.
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
      idempotencyKey: id ?? String(row["plain_id"]),
      task: String(row["task"]),
      lockCount,
      attempt: lockCount - Number(row["uncounted"]),
      trace: row["trace"] as AbandonedJob["trace"],
    };
  });
}

/** Whether a newer job has taken the key that this job had when it was fetched. */
export async function isSuperseded(db: Queryable, jobId: string): Promise<boolean> {
  const { rows } = await db.query("select from graphile_worker.jobs where id = $1::bigint and key is null", [jobId]);
  return rows.length > 0;
}

/** Removes jobs that no worker would fetch again. */
export async function removeSuperseded(db: Queryable, jobIds: readonly string[]): Promise<void> {
  if (jobIds.length === 0) return;
  await db.query("select from graphile_worker.complete_jobs($1::bigint[])", [jobIds]);
  await db.query("delete from acme_jobs.failures where job_id = any($1::bigint[])", [jobIds]);
}

/** Free jobs of this package whose keys newer jobs have taken. Their runs have ended, but could not be settled. */
export async function supersededJobIds(db: Queryable): Promise<string[]> {
  const { rows } = await db.query(
    `select job.id::text from graphile_worker.jobs as job
     where job.attempts >= ${supersededFrom} and job.locked_at is null and ${lostKeySql("$1")}
       and exists (select 1 from jsonb_object_keys(job.flags) as flag where flag like '${idFlagPrefix}%')
     limit 1000`,
    [ownMessages],
  );
  return rows.map((row) => String(row["id"]));
}

/**
 * Frees named queues that a pool has locked without holding a job of them: the job was removed by hand. Nothing else
 * would free the
 * queue, because Graphile Worker locks and frees job and queue in one statement. The time keeps a queue that was just locked
 * anew from being freed.
 */
export async function freeDesertedQueues(db: Queryable): Promise<void> {
  await db.query(
    `update graphile_worker._private_job_queues as queue set locked_at = null, locked_by = null
     where ${isAgedSql("queue.locked_at", "interval '1 minute'")} and not exists (
       select from graphile_worker._private_jobs as job
       where job.job_queue_id = queue.id and job.locked_by = queue.locked_by
     )`,
  );
}

/** Takes the locks of jobs and named queues from these pools. */
export async function forceUnlock(db: Queryable, poolIds: readonly string[]): Promise<void> {
  await db.query("select graphile_worker.force_unlock_workers($1::text[])", [poolIds]);
}

/** The ids of jobs that plain SQL has added, in the same order. */
export async function plainIdsOf(db: Queryable, jobIds: readonly string[]): Promise<string[]> {
  const { rows } = await db.query(
    // A job that is gone meanwhile never runs again. Whatever its run uses as a key is not asked for any more.
    `select coalesce(${plainIdSql}, (select id::text from acme_jobs.installation) || ':' || asked.id || ':0') as id
     from unnest($1::bigint[]) with ordinality as asked (id, place)
     left join graphile_worker.jobs as job on job.id = asked.id
     order by place`,
    [jobIds],
  );
  return rows.map((row) => String(row["id"]));
}

/** A lock that a pool has on a job. */
export interface JobLock {
  readonly jobId: string;
  /** Another one each time that the job is locked. */
  readonly lock: string;
}

export async function locksOf(db: Queryable, poolId: string): Promise<JobLock[]> {
  const { rows } = await db.query(
    "select id::text, id || ' ' || extract(epoch from locked_at)::text as lock from graphile_worker.jobs where locked_by = $1",
    [poolId],
  );
  return rows.map((row) => ({ jobId: String(row["id"]), lock: String(row["lock"]) }));
}
