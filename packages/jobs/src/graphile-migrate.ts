import type { Pool } from "pg";
import { queryMigrated } from "./graphile-jobs.ts";
import { graphileSchema } from "./graphile-schema.ts";
import type { Logger } from "./logger.ts";

/** Creates or updates Graphile Worker's own tables and functions; of several processes at once, one works. */
export async function migrateGraphileWorker(pgPool: Pool, logger: Logger): Promise<void> {
  const { Logger: GraphileLogger, runMigrations } = await import("graphile-worker");
  const log = () => (_level: string, message: string) => logger.debug({ source: "graphile-worker" }, message);
  await runMigrations({ pgPool, schema: graphileSchema, logger: new GraphileLogger(log) });
}

/** @throws {@link JobsError} `MIGRATION_MISSING` */
export async function verifyGraphileWorker(pool: Pool): Promise<void> {
  await queryMigrated(pool, "select 1 from graphile_worker.jobs limit 0");
}
