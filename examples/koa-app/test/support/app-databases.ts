import { createJobs } from "@acme/jobs";
import { createTemplate, createTestDatabase, type TestDatabase } from "@acme/test-postgres";
import { createAppDatabase } from "../../src/app-database.ts";
import { createLogger } from "../../src/logging/logger.ts";
import { migrateAppDatabase } from "../../src/prepare-databases.ts";

const logger = createLogger({ level: "error", destination: { write: () => undefined } });

async function migrateData(databaseUrl: string): Promise<void> {
  const database = createAppDatabase({ databaseUrl, logger });
  await migrateAppDatabase({ database, databaseUrl, logger });
  await database.close();
}

async function migrateJobs(connection: string): Promise<void> {
  await using jobs = createJobs({ connection, logger });
  await jobs.migrate();
}

async function migrateBoth(url: string): Promise<void> {
  await migrateData(url);
  await migrateJobs(url);
}

/** Databases as the app leaves them when it has started. Copies, because migrations take longer than most tests. */
export async function createAppDatabases(databases: "two" | "one", resources: AsyncDisposableStack) {
  const create = async (name: string, migrate: (url: string) => Promise<void>): Promise<TestDatabase> =>
    resources.use(await createTestDatabase({ template: await createTemplate(name, migrate) }));
  if (databases === "two")
    return { data: await create("app_data", migrateData), jobs: await create("app_jobs", migrateJobs) };
  const both = await create("app", migrateBoth);
  return { data: both, jobs: both };
}
