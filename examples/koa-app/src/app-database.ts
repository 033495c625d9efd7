import type { Knex } from "knex";
import { Pool, type QueryConfig } from "pg";
import { assertMigrated, migrateToLatest } from "./database-migrations.ts";
import { explainingRefusals } from "./database-refusal.ts";
import type { Logger } from "./logging/logger.ts";
import { openKnex } from "./open-knex.ts";

/** The database the users are in: knex for units of work, a plain pool for the outbox and the request limits. */
export interface AppDatabase {
  readonly knex: Knex;
  readonly pool: Pool;
  /**
   * Brings the tables up to date. Processes that start together take turns.
   *
   * @throws {@link StartupError} `DATABASE_REFUSED` or `MIGRATION_UNKNOWN`.
   */
  migrate(): Promise<void>;
  /** @throws {@link StartupError} `MIGRATION_MISSING`, `MIGRATION_UNKNOWN` or `DATABASE_REFUSED`. */
  assertMigrated(): Promise<void>;
  /** Resolves when the database answers. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Opens no connection yet. */
export function createAppDatabase({ databaseUrl, logger, limits = defaultLimits }: AppDatabaseOptions): AppDatabase {
  const { connectMs, statementMs } = limits;
  const onIdleError = (error: Error) => logger.warn({ err: error }, "an idle database connection broke");
  // The server gives up first, and its connection is good for more. Where it says nothing, the app gives up, and drops the connection.
  const statementLimits = { statement_timeout: statementMs, query_timeout: statementMs + 1_000 };
  const knex = openKnex({ databaseUrl, logger, connectMs, limits: statementLimits });
  const pool = new Pool({
    connectionString: databaseUrl,
    max: 5,
    connectionTimeoutMillis: connectMs,
    application_name: "koa-app",
    ...statementLimits,
  });
  pool.on("error", onIdleError);
  pool.on("connect", (client) => client.on("error", onIdleError));
  const migrations = { databaseUrl, logger, connectMs };

  return {
    knex,
    pool,
    migrate: () => explainingRefusals("DATABASE_URL", () => migrateToLatest(migrations)),
    assertMigrated: () => explainingRefusals("DATABASE_URL", () => assertMigrated(migrations)),
    ping: async () => void (await pool.query({ text: "select 1", query_timeout: 2_000 } as QueryConfig)),
    close: async () => void (await Promise.all([knex.destroy(), pool.end()])),
  };
}

export interface AppDatabaseOptions {
  readonly databaseUrl: string;
  readonly logger: Logger;
  readonly limits?: DatabaseLimits | undefined;
}

/** How long the app database may take before a request is refused. Migrations may take longer. */
export interface DatabaseLimits {
  /** For a connection, until it is open or free. */
  readonly connectMs: number;
  readonly statementMs: number;
}

const defaultLimits: DatabaseLimits = { connectMs: 5_000, statementMs: 8_000 };
