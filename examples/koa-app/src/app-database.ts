import knexFactory, { type Knex } from "knex";
import { Pool, type QueryConfig } from "pg";
import type { Logger } from "./logging/logger.ts";
import { withoutSecrets } from "./logging/without-secrets.ts";
import { migrationSource } from "./migrations/index.ts";
import { explainingRefusals } from "./database-refusal.ts";
import { StartupError } from "./startup-error.ts";

/** The database the users are in: knex for units of work, a plain pool for the outbox and the request limits. */
export interface AppDatabase {
  readonly knex: Knex;
  readonly pool: Pool;
  /**
   * Brings the tables up to date. Processes that start together take turns.
   *
   * @throws {@link StartupError} `DATABASE_REFUSED`.
   */
  migrate(): Promise<void>;
  /** @throws {@link StartupError} `MIGRATION_MISSING` or `DATABASE_REFUSED`. */
  assertMigrated(): Promise<void>;
  /** Resolves when the database answers. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** Opens no connection yet. */
export function createAppDatabase({ databaseUrl, logger }: AppDatabaseOptions): AppDatabase {
  const onIdleError = (error: Error) => logger.warn({ err: error }, "an idle database connection broke");
  const knex = knexFactory({
    client: "pg",
    connection: { connectionString: databaseUrl, connectionTimeoutMillis: 5_000, application_name: "koa-app" },
    pool: { min: 0, max: 10 },
    acquireConnectionTimeout: 10_000,
    // Else knex writes to the console.
    log: knexLog(logger),
    migrations: { migrationSource },
  });
  const pool = new Pool({
    connectionString: databaseUrl,
    max: 5,
    connectionTimeoutMillis: 5_000,
    application_name: "koa-app",
  });
  pool.on("error", onIdleError);
  pool.on("connect", (client) => client.on("error", onIdleError));

  return {
    knex,
    pool,
    migrate: () => explainingRefusals("DATABASE_URL", () => inTurn(pool, () => migrateToLatest(knex))),
    assertMigrated: () => explainingRefusals("DATABASE_URL", () => assertNothingPending(knex)),
    ping: async () => void (await pool.query({ text: "select 1", query_timeout: 2_000 } as QueryConfig)),
    close: async () => void (await Promise.all([knex.destroy(), pool.end()])),
  };
}

export interface AppDatabaseOptions {
  readonly databaseUrl: string;
  readonly logger: Logger;
}

function knexLog(logger: Logger): Knex.Logger {
  return {
    debug: (message) => logger.debug({ from: "knex" }, withoutSecrets(String(message))),
    warn: (message) => logger.warn({ from: "knex" }, withoutSecrets(String(message))),
    error: (message) => logger.error({ from: "knex" }, withoutSecrets(String(message))),
    deprecate: (method, alternative) => logger.warn({ from: "knex", method, alternative }, "deprecated"),
  };
}

async function migrateToLatest(knex: Knex): Promise<void> {
  // A process killed while it migrated leaves knex's own lock behind. Whoever gets here holds the advisory lock, so it is stale.
  await knex.migrate.forceFreeMigrationsLock();
  await knex.migrate.latest();
}

async function assertNothingPending(knex: Knex): Promise<void> {
  await knex.raw("select 1");
  const [, pending]: [unknown, unknown[]] = await knex.migrate.list();
  if (pending.length === 0) return;
  throw new StartupError(
    "MIGRATION_MISSING",
    `${pending.length} migration(s) of the app database have not run, and AUTO_MIGRATE is false. Run "npm run migrate", then start again.`,
  );
}

async function inTurn(pool: Pool, work: () => Promise<void>): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("select pg_advisory_lock(hashtextextended('koa-app.migrate', 0))");
    await work();
  } finally {
    // Ending the session is what surely frees its lock.
    client.release(true);
  }
}
