import { isAgedSql } from "../database/aged-sql.ts";
import { withoutSync } from "./failure-notes.ts";
import { highestMaxAttempts, isNoteOfJobSql, supersededFrom } from "./add-jobs.ts";
import { ownMessages } from "./engine-errors.ts";
import { lostKeySql, unchangedSql } from "./job-locks.ts";
import { addDeadLettersSql } from "../database/dead-letter-rows.ts";
import { originFlagsSql } from "../job/origin.ts";
import type { Queryable } from "../database/queryable.ts";

/** Does not touch a job that was removed, replaced through its key, or run again in the meantime. */
const settleSql = `
  with relaxed as materialized (${withoutSync}),
  free as materialized (
    select note.*, job.attempts as lock_count, job.queue_name, job.key as job_key, job.priority as job_priority,
      job.created_at as enqueued_at, job.flags as job_flags, job.max_attempts, ${isNoteOfJobSql} as is_of_job,
      ${lostKeySql("$2")} as has_lost_key
    from relaxed cross join (select distinct unnest($1::bigint[]) as job_id) as asked
    -- One lookup for each: with a join, the planner would rather read all notes.
    cross join lateral (
      select failures.*, ctid as place from acme_jobs.failures where job_id = asked.job_id offset 0
    ) as note
    join graphile_worker.jobs as job on job.id = note.job_id
    ${unchangedSql("job")}
    where job.locked_at is null
  ),
  due as materialized (
    select * from free where not is_settled and lock_count = attempt and is_of_job
  ),
  rescheduled as materialized (
    select due.job_id, due.place
    from due cross join lateral graphile_worker.reschedule_jobs(
      array[due.job_id], run_at := due.run_at, attempts := due.next_attempts, max_attempts := ${highestMaxAttempts}
    )
    where due.outcome = 'retry'
  ),
  removed as materialized (
    select due.job_id, due.place, job.payload
    from due cross join lateral graphile_worker.complete_jobs(array[due.job_id]) as job
    where due.outcome = 'dead'
  ),
  moved as (
    ${addDeadLettersSql(`
      select due.idempotency_key, due.task, removed.payload, due.queue_name, due.job_key, due.job_priority, due.reason,
        due.next_attempts, due.errors, due.enqueued_at, ${originFlagsSql("due.job_flags")}
      from removed join due using (job_id)`)}
  ),
  superseded as materialized (
    -- A newer job has taken the key while this one ran: Graphile Worker has used up its attempts, nobody will take it again.
    select free.place
    from free cross join lateral graphile_worker.complete_jobs(array[free.job_id])
    where free.lock_count <> free.attempt and free.has_lost_key and (
      free.lock_count >= ${supersededFrom}
      -- One that plain SQL has added with fewer attempts. Its worker asks as soon as it has released it: no other has run it since.
      or free.lock_count >= free.max_attempts and not free.is_settled
    )
  ),
  marked as (
    update acme_jobs.failures set is_settled = true, updated_at = clock_timestamp()
    where ctid = any(array(select place from rescheduled))
  ),
  forgotten as (
    delete from acme_jobs.failures
    where ctid = any(array(select place from removed union all select place from superseded))
  )
  select due.job_id::text,
    greatest(0, extract(epoch from due.run_at - clock_timestamp()) * 1000)::float8 as delay_ms, due.outcome
  from due
  where due.job_id in (select job_id from rescheduled union all select job_id from removed)`;

export interface SettledJob {
  readonly jobId: string;
  readonly isDead: boolean;
  /** Milliseconds until the next run. */
  readonly delayMs: number;
}

/** Does what the notes say with those of the jobs that are free. The others are left for later. */
export async function settleFailures(db: Queryable, jobIds: readonly string[]): Promise<SettledJob[]> {
  const { rows } = await db.query(settleSql, [jobIds, ownMessages]);
  return rows.map((row) => ({
    jobId: String(row["job_id"]),
    isDead: row["outcome"] === "dead",
    delayMs: Number(row["delay_ms"]),
  }));
}

/** Those of these jobs whose notes are not settled yet, because their rows were locked. */
export async function unsettledAmong(db: Queryable, jobIds: readonly string[]): Promise<string[]> {
  const { rows } = await db.query(
    `select note.job_id::text from acme_jobs.failures as note
     join graphile_worker.jobs as job on job.id = note.job_id
     where note.job_id = any($1::bigint[]) and not note.is_settled and job.locked_at is null and job.attempts = note.attempt
       and ${isNoteOfJobSql}`,
    [jobIds],
  );
  return rows.map((row) => String(row["job_id"]));
}

/** Notes that are still unsettled, because their worker died or lost the database after it had written them. */
export async function unsettledJobIds(db: Queryable, olderThanMs: number): Promise<string[]> {
  const { rows } = await db.query(
    `select note.job_id::text from acme_jobs.failures as note
     join graphile_worker.jobs as job on job.id = note.job_id
     where not note.is_settled and ${isAgedSql("note.updated_at", "$1::float8 * interval '1 millisecond'")}
       and job.locked_at is null and (
         job.attempts = note.attempt and ${isNoteOfJobSql} or job.attempts >= ${supersededFrom} and ${lostKeySql("$2")}
       )
     order by note.updated_at limit 200`,
    [olderThanMs, ownMessages],
  );
  return rows.map((row) => String(row["job_id"]));
}
