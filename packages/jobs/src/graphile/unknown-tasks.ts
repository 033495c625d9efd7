import { moveToDeadLettersSql } from "./move-to-dead-letters.ts";
import { queryMigrated } from "../database/missing-tables.ts";
import { isPausedSql } from "./pauses-table.ts";
import type { Queryable } from "../database/queryable.ts";

/** Tells the other workers which tasks there are. */
export async function registerTasks(db: Queryable, names: readonly string[]): Promise<void> {
  await queryMigrated(
    db,
    `insert into acme_jobs.tasks (name) select unnest($1::text[])
     on conflict (name) do update set known_at = now()`,
    [names],
  );
  // Ten minutes, so that a deployment does not count as a time without workers.
  await db.query(
    `update acme_jobs.installation set watched_at = now(),
       watched_since = case when watched_at < now() - interval '10 minutes' then now() else watched_since end`,
  );
}

/** A worker may be away for a while, so its tasks are known for a day. */
const moveSql = moveToDeadLettersSql({
  condition: `job.attempts < job.max_attempts
      and job.run_at <= now() - $1::float8 * interval '1 millisecond'
      and exists (
        select 1 from acme_jobs.installation where watched_since <= now() - $1::float8 * interval '1 millisecond'
      )
      and not exists (
        select 1 from acme_jobs.tasks as task
        where task.name = job.task_identifier and task.known_at > now() - interval '1 day'
      )
      and not ${isPausedSql}`,
  reason: `'No worker knows task "' || lost.task || '".'`,
});

/**
 * Makes dead letters of jobs that have been due for `dueForMs` while workers ran, if none of these knew the task and nobody has
 * paused them. After a time
 * without any workers, `dueForMs` begins anew, so that workers for all tasks have time to start.
 *
 * @returns how many there were, by task
 */
export async function moveJobsOfUnknownTasks(db: Queryable, dueForMs: number): Promise<ReadonlyMap<string, number>> {
  const rows = await queryMigrated(db, moveSql, [dueForMs]);
  return new Map(rows.map((row) => [String(row["task"]), Number(row["count"])]));
}
