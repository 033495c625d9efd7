import { idFlagPrefix, numberInPlainIdSql, plainIdSql } from "./add-jobs.ts";
import { isPausedSql } from "./pauses-table.ts";
import type { Queryable } from "../database/queryable.ts";

/**
 * How many jobs of these tasks run, or are due and not paused, by task. Counts those that wait for their time only if `withWaiting`
 * is set, and none but `only` if that is given.
 */
export async function countDueJobs(
  db: Queryable,
  tasks: readonly string[],
  { withWaiting, only }: { readonly withWaiting: boolean; readonly only?: readonly string[] | undefined },
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await db.query(
    `select job.task_identifier as task, count(*)::int as count
     from graphile_worker.jobs as job
     left join acme_jobs.failures as note on note.job_id = job.id and not note.is_settled
     where job.task_identifier = any($1::text[]) and ($3::bigint[] is null or job.id = any($3::bigint[])) and (
       job.locked_at is not null
       or note.job_id is not null
       or (job.attempts < job.max_attempts and (job.run_at <= now() or $2::boolean) and not ${isPausedSql})
     )
     group by job.task_identifier order by job.task_identifier`,
    [tasks, withWaiting, only ?? null],
  );
  return new Map(rows.map((row) => [String(row["task"]), Number(row["count"])]));
}

/** Graphile Worker's ids of the jobs of these tasks that have not ended. */
export async function jobIdsOf(db: Queryable, tasks: readonly string[]): Promise<string[]> {
  const { rows } = await db.query(
    "select id::text from graphile_worker.jobs where task_identifier = any($1::text[]) and attempts < max_attempts",
    [tasks],
  );
  return rows.map((row) => String(row["id"]));
}

/** Whether the last run of one of these jobs has not ended, or what is to follow is not done yet. */
export async function isAnyUnderWay(db: Queryable, jobIds: readonly string[]): Promise<boolean> {
  const { rows } = await db.query(
    `select 1 from graphile_worker.jobs as job
     left join acme_jobs.failures as note on note.job_id = job.id and not note.is_settled
     where job.id = any($1::bigint[]) and (job.locked_at is not null or note.job_id is not null) limit 1`,
    [jobIds],
  );
  return rows.length > 0;
}

/** Makes jobs of these tasks that wait for their time, or for their next attempt, due now. */
export async function makeDueNow(db: Queryable, tasks: readonly string[]): Promise<void> {
  await db.query(
    `select graphile_worker.reschedule_jobs(
       array(
         select id from graphile_worker.jobs
         where task_identifier = any($1::text[]) and locked_at is null and attempts < max_attempts and run_at > now()
           and not exists (select 1 from acme_jobs.failures as note where note.job_id = id and not note.is_settled)
       ),
       run_at := now()
     )`,
    [tasks],
  );
}

/**
 * Which of these ids belong to jobs or dead letters. In one statement, because a job may become a dead letter at any moment.
 */
export async function jobsStillThere(db: Queryable, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await db.query(
    `with asked as materialized (select unnest($1::text[]) as id)
     select asked.id from asked where exists (select 1 from acme_jobs.dead_letters as letter where letter.id = asked.id)
     union
     select asked.id from asked
     join graphile_worker.jobs as job cross join lateral jsonb_object_keys(job.flags) as flag
       on flag = '${idFlagPrefix}' || asked.id
     union
     select asked.id from asked
     join graphile_worker.jobs as job on job.id = ${numberInPlainIdSql} and asked.id = ${plainIdSql}
     union
     -- Keys of this shape that another set of tables made are not ours to judge.
     select asked.id from asked cross join acme_jobs.installation
     where asked.id like '%:%' and split_part(asked.id, ':', 1) <> installation.id::text`,
    [ids],
  );
  return new Set(rows.map((row) => String(row["id"])));
}
