import type { Pool } from "pg";
import { jobsMigrations } from "../../src/database/jobs-migrations.ts";
import { migrateGraphileWorker } from "../../src/graphile/migrate-graphile-worker.ts";
import { collectInto } from "./test-jobs.ts";

/** Makes the tables of the jobs as `migrate()` of version two leaves them. */
export async function createTablesBefore(pool: Pool): Promise<void> {
  await migrateGraphileWorker(pool, collectInto([]));
  await pool.query(
    `create schema if not exists acme_jobs;
     create table if not exists acme_jobs.migrations (
       part text not null, version int not null, migrated_at timestamptz not null default now(), primary key (part, version)
     )`,
  );
  for (const { sql } of jobsMigrations.slice(0, 2)) await pool.query(sql);
  await pool.query("insert into acme_jobs.migrations (part, version) values ('jobs', 1), ('jobs', 2)");
}
