import type { Pool } from "pg";
import { JobsError } from "../errors.ts";
import { withQueryTimeout } from "../database/query-timeout.ts";
import { queryMigrated } from "../database/missing-tables.ts";
import { graphileSchema } from "./schema.ts";
import { isTrue } from "../is-true.ts";
import type { Logger } from "../logger.ts";

/** The last one that workers of the versions before cannot go on after: those up to 0.16 shut down when they hear of it. */
const breakingRevision = 19;

/** The last one of the version that this package was written for. */
export const knownRevision = 20;

/**
 * Whoever only wants to enqueue must not end the workers of others.
 *
 * @throws {@link JobsError} `GRAPHILE_WORKER_OLDER`
 */
export async function refuseToEndOlderWorkers(pool: Pool): Promise<void> {
  const revision = await revisionOf(pool);
  if (revision === null || revision >= breakingRevision) return;
  throw new JobsError(
    "GRAPHILE_WORKER_OLDER",
    `The tables of Graphile Worker in this database are of revision ${revision}. To update them ends workers of versions up to 0.16 that run now. Update those workers to 0.18 first, ` +
      "or say that they may end: jobs.migrate({ endOlderWorkers: true }).",
  );
}

/** Creates or updates Graphile Worker's own tables and functions; of several processes at once, one works. */
export async function migrateGraphileWorker(pgPool: Pool, logger: Logger): Promise<void> {
  // A migration may take its time, and has no limit. Where there is nothing to do, nothing may be waited for.
  if ((await revisionOf(pgPool)) === knownRevision) return;
  const { Logger: GraphileLogger, runMigrations } = await import("graphile-worker");
  const log = () => (_level: string, message: string) => logger.debug({ source: "graphile-worker" }, message);
  await runMigrations({ pgPool, schema: graphileSchema, logger: new GraphileLogger(log) });
}

async function revisionOf(pool: Pool): Promise<number | null> {
  const db = withQueryTimeout(pool);
  const { rows: tables } = await db.query("select to_regclass('graphile_worker.migrations') is not null as exists");
  if (!isTrue(tables[0]?.["exists"])) return null;
  const { rows } = await db.query("select max(id) as revision from graphile_worker.migrations");
  const revision = rows[0]?.["revision"] ?? null;
  return revision === null ? null : Number(revision);
}

/** @throws {@link JobsError} `MIGRATION_MISSING` */
export async function verifyGraphileWorker(pool: Pool): Promise<void> {
  await queryMigrated(withQueryTimeout(pool), "select 1 from graphile_worker.jobs limit 0");
}
