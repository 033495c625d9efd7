import type { Pool } from "pg";
import { jobsMigrations, outboxMigrations } from "./migrations.ts";
import type { Queryable } from "./queryable.ts";
import { beginTransaction } from "./transaction.ts";

/** The tables that live beside Graphile Worker's. */
export const migrateJobsTables = (pool: Pool) => migrate(pool, "jobs", jobsMigrations);

/** The outbox, which lives beside the data. */
export const migrateOutboxTables = (pool: Pool) => migrate(pool, "outbox", outboxMigrations);

/** Runs what has not run yet, in one transaction; of several processes at once, one works and the others wait. */
async function migrate(pool: Pool, part: string, migrations: readonly string[]): Promise<void> {
  await using transaction = await beginTransaction(pool);
  await transaction.query("select pg_advisory_xact_lock(hashtextextended('acme_jobs:migrate', 0))");
  const done = await migrationCount(transaction, part);
  for (const [index, sql] of migrations.entries()) {
    if (index < done) continue;
    await transaction.query(sql);
    await transaction.query("insert into acme_jobs.migrations (part, version) values ($1, $2)", [part, index + 1]);
  }
  await transaction.commit();
}

async function migrationCount(client: Queryable, part: string): Promise<number> {
  // A role that may not create schemas can still run against a database that somebody else has migrated.
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
  const { rows } = await client.query("select count(*)::int as count from acme_jobs.migrations where part = $1", [
    part,
  ]);
  return Number(rows[0]?.["count"]);
}
