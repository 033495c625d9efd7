import type { Pool } from "pg";
import type { Logger } from "./logger.ts";

/** Creates or updates Graphile Worker's own tables and functions; of several processes at once, one works. */
export async function migrateGraphileWorker(pgPool: Pool, logger: Logger): Promise<void> {
  const { Logger: GraphileLogger, runMigrations } = await import("graphile-worker");
  const log = () => (_level: string, message: string) => logger.debug({ source: "graphile-worker" }, message);
  await runMigrations({ pgPool, logger: new GraphileLogger(log) });
}
