import { setTimeout as pause } from "node:timers/promises";
import type { Pool } from "pg";
import { JobsError } from "../errors.ts";
import { withQueryTimeout } from "./query-timeout.ts";
import { retryConflicts } from "./retry-conflicts.ts";
import { createMigrationsTable, readDone, refuseNewer } from "./done-migrations.ts";
import { migrationMissing } from "./missing-tables.ts";
import type { Migration } from "./migration.ts";
import { jobsMigrations } from "./jobs-migrations.ts";
import { outboxMigrations } from "./outbox-migrations.ts";
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

async function isMigrated(pool: Pool, part: string, migrations: readonly Migration[]): Promise<boolean> {
  const done = await readDone(withQueryTimeout(pool), part);
  refuseNewer(part, done, migrations);
  return done.count >= migrations.length;
}

/**
 * Runs the migrations that have not run yet, in one transaction. If several processes migrate at once, one works and the others
 * wait.
 *
 * @throws {@link JobsError} `MIGRATION_NEWER`
 */
async function migrate(pool: Pool, part: string, migrations: readonly Migration[]): Promise<void> {
  if (await isMigrated(pool, part, migrations).catch(isFirstOne)) return;
  const startedAt = performance.now();
  for (;;) {
    try {
      return await migrateOnce(pool, part, migrations);
    } catch (error) {
      const isOver = performance.now() - startedAt > longestMigrationMs;
      if (isOver || (error as { readonly code?: unknown }).code !== lockNotAvailable) throw error;
      await pause(lockRestMs);
    }
  }
}

/** Fails with {@link lockNotAvailable} if others have the tables locked for long. */
async function migrateOnce(pool: Pool, part: string, migrations: readonly Migration[]): Promise<void> {
  await using transaction = await beginMigration(pool);
  const done = await readDone(transaction, part);
  refuseNewer(part, done, migrations);
  // Whoever waits for a table keeps all later transactions waiting behind it.
  await transaction.query(`set local lock_timeout = ${longestLockMs}`);
  for (const [index, { sql, isAdditive }] of migrations.entries()) {
    if (index < done.count) continue;
    await transaction.query(sql);
    await transaction.query("insert into acme_jobs.migrations (part, version, is_additive) values ($1, $2, $3)", [
      part,
      index + 1,
      isAdditive,
    ]);
  }
  await transaction.commit();
}

const lockNotAvailable = "55P03";
const longestLockMs = 1_000;
/** As long for those who were kept waiting. */
const lockRestMs = 1_000;

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
  const done = await readDone(withQueryTimeout(pool), part).catch(isFirstOne);
  return done !== false && done.count > 0;
}

/** Removes the note when the tables are made. */
export async function forgetBegun(pool: Pool, part: string): Promise<void> {
  // With `endOlderWorkers`, nothing was noted, and the table may not exist yet.
  if (await hasBegun(pool, part)) {
    // Another process may remove it at the same time.
    const db = withQueryTimeout(pool);
    await retryConflicts(async () => db.query("delete from acme_jobs.migrations where part = $1", [part]));
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
