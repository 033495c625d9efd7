import { queryMigrated } from "../graphile-jobs.ts";
import type { JobRequest, JobSettings } from "../job-request.ts";
import type { Queryable, Row } from "../queryable.ts";

/** What one batch carries at most, so that a relay needs the same memory whatever waits. */
const batchBytes = 16 * 1024 * 1024;

/**
 * Skips a job with a key while another relay moves one with the same key: the last payload must come last. Both locks end
 * with the transaction.
 */
const claimSql = `
  select id, task, payload::text, to_char(run_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as run_at,
    queue, priority, key, preserve_run_at
  from (
    select *, sum(own_bytes) over (order by position rows unbounded preceding) as bytes
    from (
      select *, octet_length(payload::text) as own_bytes
      from acme_jobs.outbox order by position limit $1 for update skip locked
    ) as claimed
  ) as measured
  where (bytes <= ${batchBytes} or bytes = own_bytes)
    and (key is null or pg_try_advisory_xact_lock(hashtextextended('acme_jobs:key:' || key, 0)))
  order by position`;

/** Locks the oldest rows that nobody else has locked. A row whose transaction commits late is found when it is there. */
export async function claimFromOutbox(db: Queryable, batchSize: number): Promise<JobRequest[]> {
  const rows = await queryMigrated(db, claimSql, [batchSize]);
  // Neighbours that have them in common are given the same ones, which are then sent once.
  let settings: JobSettings | undefined;
  return rows.map((row) => {
    settings = settings !== undefined && haveInCommon(row, settings) ? settings : settingsOf(row);
    return { id: row["id"] as string, payload: row["payload"] as string, settings };
  });
}

function haveInCommon(row: Row, settings: JobSettings): boolean {
  return (
    row["task"] === settings.task &&
    row["run_at"] === settings.runAt &&
    row["queue"] === settings.queue &&
    row["priority"] === settings.priority &&
    row["key"] === settings.key &&
    row["preserve_run_at"] === settings.preserveRunAt
  );
}

function settingsOf(row: Row): JobSettings {
  return {
    task: row["task"] as string,
    runAt: row["run_at"] as string | null,
    queue: row["queue"] as string | null,
    priority: row["priority"] as number | null,
    key: row["key"] as string | null,
    preserveRunAt: row["preserve_run_at"] as boolean,
  };
}
