import { idFlagPrefix } from "./add-jobs.ts";
import { queryMigrated } from "../database/missing-tables.ts";
import type { Queryable } from "../database/queryable.ts";

/** Tells the other workers which tasks there are. */
export async function registerTasks(db: Queryable, names: readonly string[]): Promise<void> {
  await queryMigrated(
    db,
    `insert into acme_jobs.tasks (name) select unnest($1::text[])
     on conflict (name) do update set known_at = now()`,
    [names],
  );
  // A deployment is no break.
  await db.query(
    `update acme_jobs.installation set watched_at = now(),
       watched_since = case when watched_at < now() - interval '10 minutes' then now() else watched_since end`,
  );
}

/**
 * Only what was enqueued by this package: the tasks of a plain Graphile Worker beside ours are in no list. A worker may
 * be away for a while, so its tasks are known for a day.
 */
const burySql = `
  with lost as materialized (
    select job.id, job.task_identifier as task, job.queue_name, job.key, job.priority, job.created_at, job.attempts,
      substr(flag, ${idFlagPrefix.length + 1}) as idempotency_key
    from graphile_worker.jobs as job cross join lateral jsonb_object_keys(job.flags) as flag
    where flag like '${idFlagPrefix}%' and job.locked_at is null and job.attempts < job.max_attempts
      and job.run_at <= now() - $1::float8 * interval '1 millisecond'
      and exists (
        select 1 from acme_jobs.installation where watched_since <= now() - $1::float8 * interval '1 millisecond'
      )
      and not exists (
        select 1 from acme_jobs.tasks as task
        where task.name = job.task_identifier and task.known_at > now() - interval '1 day'
      )
    order by job.id limit 1000
  ),
  removed as materialized (
    select job.id, job.payload
    from (select array_agg(id) as ids from lost) as chosen cross join lateral graphile_worker.complete_jobs(chosen.ids) as job
  ),
  forgotten as (
    delete from acme_jobs.failures as note using removed where note.job_id = removed.id returning note.job_id, note.errors
  ),
  buried as (
    insert into acme_jobs.dead_letters (id, task, payload, queue, key, priority, reason, attempts, errors, enqueued_at)
    select lost.idempotency_key, lost.task, removed.payload, lost.queue_name, lost.key, lost.priority,
      'No worker knows task "' || lost.task || '".', lost.attempts, coalesce(forgotten.errors, '[]'), lost.created_at
    from removed join lost using (id) left join forgotten on forgotten.job_id = lost.id
    on conflict (id) do update set reason = excluded.reason, died_at = now()
    returning task
  )
  select task, count(*)::int as count from buried group by task order by task`;

/**
 * Makes dead letters of jobs that have been due for so long while there were workers, and none knew their task. After a weekend without any, those of
 * each kind get the time to start.
 *
 * @returns how many, by task
 */
export async function buryJobsOfUnknownTasks(db: Queryable, dueForMs: number): Promise<ReadonlyMap<string, number>> {
  const rows = await queryMigrated(db, burySql, [dueForMs]);
  return new Map(rows.map((row) => [String(row["task"]), Number(row["count"])]));
}
