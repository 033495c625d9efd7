import type { Queryable } from "./queryable.ts";

/** How many jobs of these tasks run or could run now, by task; those that wait for their time only if asked for. */
export async function countDueJobs(
  db: Queryable,
  tasks: readonly string[],
  { withWaiting }: { readonly withWaiting: boolean },
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await db.query(
    `select job.task_identifier as task, count(*)::int as count
     from graphile_worker.jobs as job
     left join acme_jobs.failures as note on note.job_id = job.id and not note.is_settled
     where job.task_identifier = any($1::text[]) and (
       job.locked_at is not null
       or note.job_id is not null
       or (job.attempts < job.max_attempts and (job.run_at <= now() or $2::boolean))
     )
     group by job.task_identifier order by job.task_identifier`,
    [tasks, withWaiting],
  );
  return new Map(rows.map((row) => [String(row["task"]), Number(row["count"])]));
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
