import type { Pool } from "pg";
import {
  migrateGraphileWorker,
  refuseToEndOlderWorkers,
  verifyGraphileWorker,
} from "./graphile/migrate-graphile-worker.ts";
import { refuseHiddenRows } from "./graphile/check-rights.ts";
import { refuseUnsupported } from "./database/check-server.ts";
import { withQueryTimeout } from "./database/query-timeout.ts";
import type { Queryable } from "./database/queryable.ts";
import type { Logger } from "@acme/shared/logger";
import { migrateJobsTables, migrateOutboxTables, verifyJobsTables } from "./database/migrate.ts";
import { hasOutbox, isSameDatabase } from "./outbox/same-database.ts";
import { explainConnection } from "./database/database-errors.ts";

/** What a migration may do to other Graphile Workers. */
export interface MigrateOptions {
  /**
   * Whether the migration may end plain Graphile Workers of versions up to 0.16, which cannot work with the migrated tables.
   * Default: false.
   */
  readonly endOlderWorkers?: boolean;
}

/** Migrates both databases, and finds out whether they are one. */
export interface Migrator {
  /** Whether data and jobs are in one database; `false` until that is known. */
  readonly isOneDatabase: boolean;
  /** Whether the database of the data has an outbox. */
  readonly hasOutbox: boolean;
  /** Creates or updates the tables beside the data; does nothing without an outbox. */
  migrateOutbox(): Promise<void>;
  /** Creates or updates the tables of the jobs. */
  migrateJobs(options?: MigrateOptions): Promise<void>;
  /** Changes nothing. @throws `MIGRATION_MISSING` if the tables of the jobs are missing or older, `MIGRATION_NEWER`. */
  verifyJobs(): Promise<void>;
  /** Finds out whether both are one database. If they are, jobs are written directly from then on. */
  compare(): Promise<void>;
}

export function createMigrator(
  pools: { readonly jobs: () => Pool; readonly outbox: (() => Pool) | undefined },
  logger: Logger,
): Migrator {
  let isOneDatabase = false;
  let isThereAnOutbox = false;

  return {
    get isOneDatabase() {
      return isOneDatabase;
    },
    get hasOutbox() {
      return isThereAnOutbox;
    },
    async migrateOutbox() {
      if (pools.outbox === undefined) return;
      await refuseUnsupported(withQueryTimeout(pools.outbox()));
      await migrateOutboxTables(pools.outbox());
    },
    async migrateJobs({ endOlderWorkers = false } = {}) {
      try {
        await refuseUnsupported(withQueryTimeout(pools.jobs()));
        if (!endOlderWorkers) await refuseToEndOlderWorkers(pools.jobs());
        await migrateGraphileWorker(pools.jobs(), logger);
        await migrateJobsTables(pools.jobs());
        await refuseHiddenRows(withQueryTimeout(pools.jobs()));
      } catch (error) {
        throw explainConnection(error, pools.outbox !== undefined);
      }
    },
    async verifyJobs() {
      try {
        await refuseUnsupported(withQueryTimeout(pools.jobs()));
        await verifyGraphileWorker(pools.jobs());
        await verifyJobsTables(pools.jobs());
        await refuseHiddenRows(withQueryTimeout(pools.jobs()));
      } catch (error) {
        throw explainConnection(error, pools.outbox !== undefined);
      }
    },
    async compare() {
      if (!pools.outbox) return;
      const jobs = explaining(withQueryTimeout(pools.jobs()));
      const outbox = withQueryTimeout(pools.outbox());
      for (const db of [jobs, outbox]) await refuseUnsupported(db);
      isThereAnOutbox = await hasOutbox(outbox);
      // Without an outbox, jobs are not written directly either: this process would not notice the rows of an outbox that is
      // made later, and a newer job could overtake them.
      isOneDatabase = isThereAnOutbox && (await isSameDatabase(jobs, outbox));
    },
  };
}

/** The jobs database behind an outbox. Errors of its connection are explained as they are everywhere else. */
function explaining(db: Queryable): Queryable {
  return {
    query: (text, values) =>
      db.query(text, values).then(
        (answer) => answer,
        (error: unknown) => {
          throw explainConnection(error, true);
        },
      ),
  };
}
