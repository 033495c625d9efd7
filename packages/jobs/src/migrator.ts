import type { Pool } from "pg";
import {
  migrateGraphileWorker,
  refuseToEndOlderWorkers,
  verifyGraphileWorker,
} from "./graphile/migrate-graphile-worker.ts";
import { refuseHiddenRows } from "./graphile/check-rights.ts";
import { refuseOtherEncodings } from "./database/check-encoding.ts";
import { withQueryTimeout } from "./database/query-timeout.ts";
import type { Queryable } from "./database/queryable.ts";
import type { Logger } from "@acme/shared/logger";
import { migrateJobsTables, migrateOutboxTables, verifyJobsTables } from "./database/migrate.ts";
import { hasOutbox, isSameDatabase } from "./outbox/same-database.ts";
import { explainConnection } from "./database/database-errors.ts";

/** What a migration may do to others. */
export interface MigrateOptions {
  /** Whether plain Graphile Workers of versions up to 0.16, which cannot go on with the tables as they are to be, may end. Default: false. */
  readonly endOlderWorkers?: boolean;
}

/** Brings both databases to the state the package needs, and learns whether they are one. */
export interface Migrator {
  /** `false` until both are known to be one database. */
  readonly isOneDatabase: boolean;
  /** Whether that has an outbox, too. */
  readonly hasOutbox: boolean;
  /** Creates or updates the tables beside the data; does nothing without an outbox. */
  migrateOutbox(): Promise<void>;
  /** Creates or updates the tables of the jobs. */
  migrateJobs(options?: MigrateOptions): Promise<void>;
  /** Changes nothing; throws `MIGRATION_MISSING` where the tables of the jobs are not there or are older, `MIGRATION_NEWER`. */
  verifyJobs(): Promise<void>;
  /** Finds out whether both are one database; from then on jobs are written directly. */
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
      await refuseOtherEncodings(withQueryTimeout(pools.outbox()));
      await migrateOutboxTables(pools.outbox());
    },
    async migrateJobs({ endOlderWorkers = false } = {}) {
      try {
        await refuseOtherEncodings(withQueryTimeout(pools.jobs()));
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
        await refuseOtherEncodings(withQueryTimeout(pools.jobs()));
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
      for (const db of [jobs, outbox]) await refuseOtherEncodings(db);
      isThereAnOutbox = await hasOutbox(outbox);
      // Without an outbox nothing is written directly either: whoever did so would not know of the rows of one that comes later.
      isOneDatabase = isThereAnOutbox && (await isSameDatabase(jobs, outbox));
    },
  };
}

/** The jobs database behind an outbox: what goes wrong with its connection is said as everywhere else. */
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
