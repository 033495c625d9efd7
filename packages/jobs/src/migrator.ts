import type { Pool } from "pg";
import { migrateGraphileWorker } from "./graphile-migrate.ts";
import { queryMigrated } from "./graphile-jobs.ts";
import type { Logger } from "./logger.ts";
import { migrateJobsTables, migrateOutboxTables } from "./migrate.ts";
import { isSameDatabase } from "./outbox/same-database.ts";
import { explainConnection } from "./unreachable.ts";

/** Brings both databases to the state the package needs, and learns whether they are one. */
export interface Migrator {
  /** `false` until both are known to be one database. */
  readonly isOneDatabase: boolean;
  /** Creates or updates all tables, the outbox's first: without them nothing can be written. */
  migrate(): Promise<void>;
  migrateOutbox(): Promise<void>;
  /** Changes nothing; throws `MIGRATION_MISSING` where something is not there. */
  verify(): Promise<void>;
}

export function createMigrator(
  pools: { readonly jobs: () => Pool; readonly outbox: (() => Pool) | undefined },
  logger: Logger,
): Migrator {
  let isOneDatabase = false;

  const compare = async () => {
    if (pools.outbox) isOneDatabase = await isSameDatabase(pools.jobs(), pools.outbox());
  };
  const migrateOutbox = async () => {
    if (pools.outbox) await migrateOutboxTables(pools.outbox());
  };

  return {
    get isOneDatabase() {
      return isOneDatabase;
    },
    migrateOutbox,
    async migrate() {
      await migrateOutbox();
      try {
        await migrateGraphileWorker(pools.jobs(), logger);
        await migrateJobsTables(pools.jobs());
      } catch (error) {
        throw explainConnection(error, pools.outbox !== undefined);
      }
      await compare();
    },
    async verify() {
      await queryMigrated(pools.jobs(), "select 1 from graphile_worker.jobs limit 0");
      await queryMigrated(pools.jobs(), "select 1 from acme_jobs.installation limit 0");
      if (pools.outbox) await queryMigrated(pools.outbox(), "select 1 from acme_jobs.outbox limit 0");
      await compare();
    },
  };
}
