import { queryMigrated } from "../graphile-jobs.ts";
import { batchSql, toBatch } from "../job-batch.ts";
import type { JobRequest, JobSettings } from "../job-request.ts";
import type { Queryable, Row } from "../queryable.ts";

export const outboxChannel = "acme_jobs_outbox";

const insertSql = `
  with written as (
    insert into acme_jobs.outbox (id, task, payload, run_at, queue, priority, key, preserve_run_at)
    select id::uuid, task, payload, "runAt", queue, priority, key, "preserveRunAt" from ${batchSql}
    returning 1
  )
  select pg_current_xact_id()::text as transaction_id, pg_notify('${outboxChannel}', '')
  from (select count(*) from written) as counted`;

/**
 * Keeps the requests beside the data, in the transaction of the connection it is given, until a relay moves them.
 *
 * @returns the id of the transaction
 */
export async function writeToOutbox(db: Queryable, requests: readonly JobRequest[]): Promise<string | undefined> {
  const [row] = await queryMigrated(db, insertSql, [toBatch(requests)]);
  return row?.["transaction_id"] as string | undefined;
}

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

const identitySql = `
  select identity.id::text || ':' || database.oid as id
  from acme_jobs.outbox_identity as identity, pg_database as database
  where datname = current_database()`;

/** Names this outbox among those that share the jobs; a copy of the database made beside it is another one. */
export async function readOutboxId(db: Queryable): Promise<string> {
  const [row] = await queryMigrated(db, identitySql);
  return String(row?.["id"]);
}

/**
 * The id of this outbox if there are rows in it, which spares the jobs database a visit when there is nothing to bring.
 * The newest first: before the oldest lie the removed ones.
 */
export async function findOutboxWithRows(db: Queryable): Promise<string | undefined> {
  const [row] = await queryMigrated(
    db,
    `${identitySql} and exists (select 1 from acme_jobs.outbox order by position desc limit 1)`,
  );
  return row?.["id"] as string | undefined;
}

export async function stillInOutbox(db: Queryable, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await db.query("select id from acme_jobs.outbox where id = any($1::uuid[])", [ids]);
  return new Set(rows.map((row) => String(row["id"])));
}

export async function removeFromOutbox(db: Queryable, ids: string): Promise<void> {
  await db.query("delete from acme_jobs.outbox where id = any($1::uuid[])", [ids]);
}

/** How much waits, counted no further than `countLimit` so that asking stays cheap, and since when. */
export interface OutboxBacklog {
  readonly pendingCount: number;
  /** Milliseconds since the oldest row was written; `0` when nothing waits. */
  readonly oldestAgeMs: number;
}

const countLimit = 10_000;
const backlogSql = `
  select
    (select count(*)::int from (select 1 from acme_jobs.outbox limit ${countLimit}) as counted) as pending,
    coalesce(
      (select extract(epoch from clock_timestamp() - created_at) * 1000 from acme_jobs.outbox order by position limit 1),
      0
    )::float8 as oldest_age_ms`;

export async function outboxBacklog(db: Queryable): Promise<OutboxBacklog> {
  const [row] = await queryMigrated(db, backlogSql);
  return { pendingCount: Number(row?.["pending"]), oldestAgeMs: Math.max(0, Number(row?.["oldest_age_ms"])) };
}
