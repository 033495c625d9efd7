import { queryMigrated } from "../database/missing-tables.ts";
import type { Queryable } from "../database/queryable.ts";
import type { StoredJob } from "../job/enqueued-job.ts";
import { idOfJob, plainIdSql, supersededFrom } from "./add-jobs.ts";

/** A job that a worker has may have used its last attempt, unless a newer one has taken its key. */
const hasNotEndedSql = `(job.attempts < job.max_attempts or (job.locked_at is not null and job.attempts < ${supersededFrom}))`;

/** As one text, because the formats of columns depend on the session and the driver. No question mark: knex would bind it. */
const listSql = `
  select coalesce(json_agg(json_build_object(
    'flags', job.flags::text, 'id', ${plainIdSql}, 'task', job.task_identifier, 'payload', stored.payload,
    'runAt', (extract(epoch from job.run_at) * 1000)::float8,
    'enqueuedAt', (extract(epoch from job.created_at) * 1000)::float8,
    'queue', job.queue_name, 'key', job.key, 'priority', job.priority, 'attempts', job.attempts
  ) order by job.id), '[]')::text as listed
  from graphile_worker.jobs as job join graphile_worker._private_jobs as stored on stored.id = job.id
  where ($1::text is null or job.task_identifier = $1::text) and ${hasNotEndedSql}`;

/** The jobs that have not ended, with their payloads, which the view of the jobs lacks. All of them: it is made for tests. */
export async function listStoredJobs(db: Queryable, task: string | null): Promise<StoredJob[]> {
  const [row] = await queryMigrated(db, listSql, [task]);
  const listed = JSON.parse(String(row?.["listed"])) as (StoredJob & { readonly flags: string | null })[];
  return listed.map(({ flags, ...job }) => ({ ...job, id: idOfJob(flags) ?? job.id }));
}
