import type { Pool, QueryConfig } from "pg";
import { JobsError } from "../errors.ts";
import { connectIdle } from "../database/connect-idle.ts";
import { forgetBegun, hasBegun, longestMigrationMs, noteBegun } from "../database/migrate.ts";
import { sendWithTimeout, withQueryTimeout } from "../database/query-timeout.ts";
import { queryMigrated } from "../database/missing-tables.ts";
import { knownRevision, readRevision, type Revision } from "./revision.ts";
import { graphileSchema } from "./schema.ts";
import type { Logger } from "@acme/shared/logger";

/** The last revision that breaks older workers: versions up to 0.16 shut down when they notice it. */
const breakingRevision = 19;

/** The name of the note in `acme_jobs.migrations` that this package is making the tables of Graphile Worker. */
const part = "graphile";

/**
 * Refuses a migration that would end older workers: a process that only enqueues must not end the workers of others. If there are
 * no tables yet, notes that this package makes them, so that a migration which was cut off may be continued.
 *
 * @throws {@link JobsError} `GRAPHILE_WORKER_OLDER`
 */
export async function refuseToEndOlderWorkers(pool: Pool): Promise<void> {
  const revision = await revisionIn(pool);
  if (revision === undefined) return noteBegun(pool, part);
  if (revision.last >= breakingRevision || (await hasBegun(pool, part))) return;
  // Another process may have finished the migration in between, and removed its note.
  if (((await revisionIn(pool))?.last ?? 0) >= breakingRevision) return;
  throw new JobsError(
    "GRAPHILE_WORKER_OLDER",
    `The tables of Graphile Worker in this database are of revision ${revision.last}. Updating them would end workers of versions up to 0.16 that run now. Update those workers to 0.18 first, ` +
      "or allow the migration to end them: jobs.migrate({ endOlderWorkers: true }).",
  );
}

/**
 * Creates or updates Graphile Worker's own tables and functions. If several processes do so at once, one works.
 *
 * @throws {@link JobsError} `MIGRATION_NEWER`
 */
export async function migrateGraphileWorker(pgPool: Pool, logger: Logger): Promise<void> {
  const revision = await revisionIn(pgPool);
  // If there is nothing to do, do not wait for locks.
  if (revision?.last === knownRevision) return;
  refuseBreaking(revision);
  const { Logger: GraphileLogger, runMigrations } = await import("graphile-worker");
  const log = () => (_level: string, message: string) => logger.debug({ source: "graphile-worker" }, message);
  await runMigrations({ pgPool: withLongTimeout(pgPool), schema: graphileSchema, logger: new GraphileLogger(log) });
  // If older tables replace these one day, they are not this package's.
  await forgetBegun(pgPool, part);
}

/** Checked here, because Graphile Worker itself would set the exit code of the process. */
function refuseBreaking(revision: Revision | undefined): void {
  if (revision?.isBreaking !== true) return;
  throw new JobsError(
    "MIGRATION_NEWER",
    `A later version of Graphile Worker has migrated its tables to revision ${revision.last}, and this version (${knownRevision}) cannot work with them. Update @acme/jobs in this process.`,
  );
}

const endIdleSql = "set idle_in_transaction_session_timeout = 60000";

function withLongTimeout(pool: Pool): Pool {
  const connect = async () => {
    const client = await connectIdle(pool);
    // Otherwise a process that hangs between two statements would keep all others from migrating.
    await sendWithTimeout({ pool, client }, { text: endIdleSql }, longestMigrationMs);
    return {
      async query(statement: string | QueryConfig, values?: unknown[]) {
        const config = typeof statement === "string" ? { text: statement, ...(values && { values }) } : statement;
        return sendWithTimeout({ pool, client }, config, longestMigrationMs);
      },
      // Closed, because it has the setting above.
      release: () => client.release(true),
    };
  };
  return new Proxy(pool, {
    get(target, property) {
      if (property === "connect") return connect;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

const revisionIn = (pool: Pool) => readRevision(withQueryTimeout(pool));

/** @throws {@link JobsError} `MIGRATION_MISSING`, `MIGRATION_NEWER` */
export async function verifyGraphileWorker(pool: Pool): Promise<void> {
  refuseBreaking(await revisionIn(pool));
  await queryMigrated(withQueryTimeout(pool), "select 1 from graphile_worker.jobs limit 0");
}
