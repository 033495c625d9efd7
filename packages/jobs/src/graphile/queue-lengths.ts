import { queryMigrated } from "../database/missing-tables.ts";
import type { Queryable, Row } from "../database/queryable.ts";

const mostJobs = 50_000;

/**
 * Named queues by name, in an order that sorts fast, as far as the oldest jobs show them. Who has a queue is read from its jobs: Graphile Worker locks both in
 * one statement. So a queue that is locked without a job has no line here.
 */
export async function queueLengths(
  db: Queryable,
  page: { readonly after: string; readonly limit: number },
): Promise<readonly Row[]> {
  return queryMigrated(
    db,
    `with looked as materialized (
       select id, queue_name collate "C" as queue_name, run_at, priority, locked_at, locked_by, task_identifier,
         attempts < max_attempts as can_run
       from graphile_worker.jobs order by id limit ${mostJobs} + 1
     ),
     page as materialized (
       select queue_name, count(*)::int as count, max(locked_at) as locked_at, max(locked_by) as locked_by,
         count(*) filter (where locked_at is not null or can_run and run_at <= now())::int as due_count,
         min(run_at) filter (where locked_at is null and can_run and run_at <= now()) as oldest_due_at
       from looked where queue_name > $1::text group by queue_name order by queue_name limit $2::int + 1
     ),
     head as materialized (
       select distinct on (queue_name) queue_name, id, task_identifier from looked
       where queue_name in (select queue_name from page)
       order by queue_name, locked_at, can_run desc, priority, run_at, id
     )
     select page.queue_name as queue, page.count, page.due_count, head.id::text as head_job_id, head.task_identifier as head_task,
       page.locked_by, (extract(epoch from page.locked_at) * 1000)::float8 as locked_at_ms,
       coalesce(greatest(0, extract(epoch from now() - page.oldest_due_at) * 1000), 0)::float8 as oldest_due_age_ms,
       (select count(*) from looked) > ${mostJobs} as is_capped
     from page join head using (queue_name) order by page.queue_name`,
    [page.after, page.limit],
  );
}
