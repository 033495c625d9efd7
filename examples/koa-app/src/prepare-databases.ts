import { createJobs, type Jobs } from "@acme/jobs";
import type { AppDatabase } from "./app-database.ts";
import { explainingRefusals } from "./database-refusal.ts";
import type { Logger } from "./logging/logger.ts";
import { StartupError } from "./startup-error.ts";

/** Brings the tables of the data and of the outbox up to date. */
export async function migrateAppDatabase({ database, databaseUrl, logger }: MigrationNeeds): Promise<void> {
  await database.migrate();
  // Not over the pool of the requests, whose statements are bounded: the turn of another process may take long.
  await using migrating = createJobs({ outbox: { connection: databaseUrl }, logger });
  await migrating.migrateOutbox();
}

/** @throws {@link StartupError} `MIGRATION_MISSING`, or what {@link AppDatabase.assertMigrated} throws. */
export async function assertAppDatabaseMigrated({ database, jobs }: AssertionNeeds): Promise<void> {
  await database.assertMigrated();
  if (typeof (await jobs.health()).outbox === "string") throw outboxMissing();
}

export async function migrateJobsDatabase(jobs: Jobs): Promise<void> {
  await explainingRefusals("JOB_QUEUE_DATABASE_URL", () => jobs.migrate());
}

function outboxMissing(): StartupError {
  return new StartupError(
    "MIGRATION_MISSING",
    'The app database has no outbox, and AUTO_MIGRATE is false. Run "npm run migrate", then start again.',
  );
}

interface MigrationNeeds {
  readonly database: AppDatabase;
  readonly databaseUrl: string;
  readonly logger: Logger;
}

interface AssertionNeeds {
  readonly database: AppDatabase;
  readonly jobs: Jobs;
}
