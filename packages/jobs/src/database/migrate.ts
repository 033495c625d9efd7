import type { Pool } from "pg";
import { JobsError } from "../errors.ts";
import { withQueryTimeout } from "./query-timeout.ts";
import { migrationMissing, queryMigrated } from "./missing-tables.ts";
import { jobsMigrations, outboxMigrations } from "./migrations.ts";
import type { Queryable } from "./queryable.ts";
import { beginTransaction, type OpenTransaction } from "./transaction.ts";

/** The tables beside those of Graphile Worker. */
export const migrateJobsTables = (pool: Pool) => migrate(pool, "jobs", jobsMigrations);

/** The outbox, which is in the database of the data. */
export const migrateOutboxTables = (pool: Pool) => migrate(pool, "outbox", outboxMigrations);

/**
 * Changes nothing.
 *
 * @throws {@link JobsError} `MIGRATION_MISSING` if a migration has not run yet, `MIGRATION_NEWER`.
 */
export async function verifyJobsTables(pool: Pool): Promise<void> {
  if (!(await isMigrated(pool, "jobs", jobsMigrations))) throw migrationMissing();
}

async function isMigrated(pool: Pool, part: string, migrations: readonly string[]): Promise<boolean> {
  const done = await doneCount(withQueryTimeout(pool), part);
  refuseNewer(part, done, migrations);
  return done === migrations.length;
}

/**
 * Runs the migrations that have not run yet, in one transaction. If several processes migrate at once, one works and the others
 * wait.
 *
 * @throws {@link JobsError} `MIGRATION_NEWER`
 */
async function migrate(pool: Pool, part: string, migrations: readonly string[]): Promise<void> {
  if (await isMigrated(pool, part, migrations).catch(isFirstOne)) return;
  await using transaction = await beginMigration(pool);
  const done = await doneCount(transaction, part);
  refuseNewer(part, done, migrations);
  for (const [index, sql] of migrations.entries()) {
    if (index < done) continue;
    await transaction.query(sql);
    await transaction.query("insert into acme_jobs.migrations (part, version) values ($1, $2)", [part, index + 1]);
  }
  await transaction.commit();
}

/** Waits for other processes that are migrating. */
async function beginMigration(pool: Pool): Promise<OpenTransaction> {
  const transaction = await beginTransaction(pool, { settings, statementMs: longestMigrationMs });
  try {
    await transaction.query("select pg_advisory_xact_lock(hashtextextended('acme_jobs:migrate', 0))");
    await createMigrationsTable(transaction);
    return transaction;
  } catch (error) {
    await transaction[Symbol.asyncDispose]();
    throw error;
  }
}

/** Notes that this package is about to make the tables of Graphile Worker, see {@link hasBegun}. */
export async function noteBegun(pool: Pool, part: string): Promise<void> {
  await using transaction = await beginMigration(pool);
  await transaction.query("insert into acme_jobs.migrations (part, version) values ($1, 1) on conflict do nothing", [
    part,
  ]);
  await transaction.commit();
}

/** Whether any process has called {@link noteBegun} for this database. */
export async function hasBegun(pool: Pool, part: string): Promise<boolean> {
  const done = await doneCount(withQueryTimeout(pool), part).catch(isFirstOne);
  return done !== false && done > 0;
}

/** Removes the note when the tables are made. */
export async function forgetBegun(pool: Pool, part: string): Promise<void> {
  // With `endOlderWorkers`, nothing was noted, and the table may not exist yet.
  if (await hasBegun(pool, part)) {
    await withQueryTimeout(pool).query("delete from acme_jobs.migrations where part = $1", [part]);
  }
}

/**
 * Long, because a large table takes its time, and so does the process that migrates first. Not endless, because a network may
 * have gone silent.
 */
export const longestMigrationMs = 600_000;

/**
 * `read committed`, because a snapshot from before the wait for the lock would not show the migrations of other processes. The
 * timeout, because a process that hangs in the middle of a migration would keep all others from starting.
 */
const settings =
  "set transaction isolation level read committed; set local idle_in_transaction_session_timeout = '60s'";

function isFirstOne(error: unknown): false {
  if (error instanceof JobsError && error.code === "MIGRATION_MISSING") return false;
  throw error;
}

async function createMigrationsTable(client: Queryable): Promise<void> {
  // Not just `create … if not exists`: a role that may not create schemas must be able to use a database that another role
  // has migrated.
  const { rows: tables } = await client.query("select to_regclass('acme_jobs.migrations') is not null as exists");
  if (tables[0]?.["exists"] !== true) {
    await client.query("create schema if not exists acme_jobs");
    await client.query(`
      create table acme_jobs.migrations (
        part text not null,
        version int not null,
        migrated_at timestamptz not null default now(),
        primary key (part, version)
      )`);
  }
}

async function doneCount(client: Queryable, part: string): Promise<number> {
  const [row] = await queryMigrated(client, "select count(*)::int as count from acme_jobs.migrations where part = $1", [
    part,
  ]);
  return Number(row?.["count"]);
}

/** This version does not know what a later version has changed in the tables, and could lose its data. */
function refuseNewer(part: string, done: number, migrations: readonly string[]): void {
  if (done <= migrations.length) return;
  throw new JobsError(
    "MIGRATION_NEWER",
    `A later version of @acme/jobs has migrated the tables of the ${part} to version ${done}; this one knows ${migrations.length}. Update @acme/jobs in this process.`,
  );
}
