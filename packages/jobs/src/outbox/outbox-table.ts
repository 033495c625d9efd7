import { queryMigrated } from "../database/missing-tables.ts";
import { batchSql, toBatch } from "../job/job-batch.ts";
import type { JobRequest, WrittenRequests } from "../job/job-request.ts";
import { refuseMemory, type Queryable, type Row } from "../database/queryable.ts";
import { isTrue } from "@acme/shared/is-true";
import { hasStandbysSql } from "../database/standby-waits.ts";

const columns = "id, task, payload, run_at, queue, priority, key, preserve_run_at, flags";

/** To plan the statement for many takes longer than to write one row. */
const insertOneSql = (proofSql: string) => `
  insert into acme_jobs.outbox (${columns}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning ${proofSql} as proof`;

const insertManySql = (proofSql: string) => `
  with written as (
    insert into acme_jobs.outbox (${columns})
    select id::uuid, task, payload, "runAt", queue, priority, key, "preserveRunAt", flags from ${batchSql}
    returning 1
  )
  select ${proofSql} as proof from (select count(*) from written) as counted`;

const findRowSql = "select from acme_jobs.outbox where id = $1::uuid";

/**
 * Keeps the requests beside the data, in the transaction of the connection it is given, until a relay moves them.
 *
 * @param proofSql - An expression to select along.
 * @returns its value, and how to find a row while it has not been moved
 */
export async function writeToOutbox(
  db: Queryable,
  requests: readonly JobRequest[],
  proofSql = "null",
): Promise<WrittenRequests> {
  const [answered] = await insert(db, requests, proofSql);
  const row = refuseMemory(answered);
  return { proof: row?.["proof"], witness: { text: findRowSql, values: [requests[0]?.id] } };
}

function insert(db: Queryable, requests: readonly JobRequest[], proofSql: string): Promise<readonly Row[]> {
  const [first] = requests;
  if (first === undefined || requests.length > 1) {
    return queryMigrated(db, insertManySql(proofSql), [toBatch(requests)]);
  }
  const { task, runAt, queue, priority, key, preserveRunAt, flags } = first.settings;
  const values = [first.id, task, first.payload, runAt, queue, priority, key, preserveRunAt, flags];
  return queryMigrated(db, insertOneSql(proofSql), values);
}

/** Whether rows with one of the keys wait, whose place jobs of the same key have to keep. */
export async function hasKeys(db: Queryable, keys: readonly string[]): Promise<boolean> {
  const rows = await queryMigrated(db, "select from acme_jobs.outbox where key = any($1::text[]) limit 1", [keys]);
  return rows.length > 0;
}

const identitySql = `
  select identity.id::text || ':' || database.oid as id, ${hasStandbysSql} as has_standbys
  from acme_jobs.outbox_identity as identity, pg_database as database
  where datname = current_database()`;

/** Names this outbox among those that share the jobs; a copy of the database made beside it is another one. */
export async function readOutboxId(db: Queryable): Promise<string> {
  const [row] = await queryMigrated(db, identitySql);
  return String(row?.["id"]);
}

/** An outbox in which there are rows. */
export interface OutboxWithRows {
  readonly id: string;
  /** Whether the COMMIT of a row may have waited for standbys. */
  readonly hasStandbys: boolean;
}

/**
 * This outbox if there are rows in it, which spares the jobs database a visit when there is nothing to bring. The
 * newest first: before the oldest lie the removed ones.
 */
export async function findOutboxWithRows(db: Queryable): Promise<OutboxWithRows | undefined> {
  const [row] = await queryMigrated(
    db,
    `${identitySql} and exists (select 1 from acme_jobs.outbox order by position desc limit 1)`,
  );
  return row && { id: String(row["id"]), hasStandbys: isTrue(row["has_standbys"]) };
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
