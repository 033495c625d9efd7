import { JobsError } from "../errors.ts";
import { queryMigrated } from "./missing-tables.ts";
import type { Migration } from "./migration.ts";
import type { Queryable } from "./queryable.ts";

/** Makes the table, or adds what it did not have at first. */
export async function createMigrationsTable(client: Queryable): Promise<void> {
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
        is_additive boolean not null default false,
        primary key (part, version)
      )`);
    return;
  }
  const { rows: columns } = await client.query(
    "select from pg_attribute where attrelid = 'acme_jobs.migrations'::regclass and attname = 'is_additive'",
  );
  if (columns.length === 0) {
    await client.query("alter table acme_jobs.migrations add is_additive boolean not null default false");
  }
}

/** The migrations of one part that have run. */
export interface DoneMigrations {
  readonly count: number;
  /** The last one that a version has to know before it uses the tables. */
  readonly neededVersion: number;
}

export async function readDone(client: Queryable, part: string): Promise<DoneMigrations> {
  // As JSON, because tables of the first version have no such column.
  const [row] = await queryMigrated(
    client,
    `select count(*)::int as count, coalesce(max(version) filter (where to_jsonb(done) @> '{"is_additive": true}' is not true), 0) as needed
     from acme_jobs.migrations as done where part = $1`,
    [part],
  );
  return { count: Number(row?.["count"]), neededVersion: Number(row?.["needed"]) };
}

/** This version does not know what a later version has changed in the tables, and could lose its data. */
export function refuseNewer(part: string, { neededVersion }: DoneMigrations, migrations: readonly Migration[]): void {
  if (neededVersion <= migrations.length) return;
  throw new JobsError(
    "MIGRATION_NEWER",
    `A later version of @acme/jobs has migrated the tables of the ${part} to version ${neededVersion}; this one knows ${migrations.length}. Update @acme/jobs in this process.`,
  );
}
