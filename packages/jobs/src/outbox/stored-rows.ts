import { queryMigrated } from "../database/missing-tables.ts";
import type { Queryable } from "../database/queryable.ts";
import type { StoredJob } from "../job/enqueued-job.ts";

/** As one text, because the formats of columns depend on the session and the driver. */
const listSql = `
  select coalesce(json_agg(json_build_object(
    'id', id, 'task', task, 'payload', payload,
    'runAt', (extract(epoch from coalesce(run_at, created_at)) * 1000)::float8,
    'enqueuedAt', (extract(epoch from created_at) * 1000)::float8,
    'queue', queue, 'key', key, 'priority', coalesce(priority, 0), 'attempts', 0
  ) order by position), '[]')::text as listed
  from acme_jobs.outbox where ($1::text is null or task = $1::text)`;

/** The rows of the outbox as the jobs that they become. All of them: it is made for tests. */
export async function listStoredRows(db: Queryable, task: string | null): Promise<StoredJob[]> {
  const [row] = await queryMigrated(db, listSql, [task]);
  return JSON.parse(String(row?.["listed"])) as StoredJob[];
}

/** Lets rows become jobs that are due at once. @returns how many would have waited */
export async function makeRowsDue(db: Queryable, task: string | null): Promise<number> {
  const rows = await queryMigrated(
    db,
    `update acme_jobs.outbox set run_at = now()
     where run_at > now() and ($1::text is null or task = $1::text) returning 1`,
    [task],
  );
  return rows.length;
}
