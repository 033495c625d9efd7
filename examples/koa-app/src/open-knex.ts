import knexFactory, { type Knex } from "knex";
import { createBurstLog } from "./logging/burst-log.ts";
import type { Logger } from "./logging/logger.ts";
import { withoutSecrets } from "./logging/without-secrets.ts";
import { migrationSource } from "./migrations/index.ts";

/** Opens no connection yet. Without `limits`, a statement may take as long as it likes. */
export function openKnex({ databaseUrl, logger, connectMs, limits = {} }: KnexNeeds): Knex {
  return knexFactory({
    client: "pg",
    connection: {
      connectionString: databaseUrl,
      connectionTimeoutMillis: connectMs,
      application_name: "koa-app",
      ...limits,
    },
    // Whoever got a connection next would wait behind a statement that was given up and never answered.
    pool: { min: 0, max: 10, validate: (connection: { readyForQuery?: boolean }) => connection.readyForQuery === true },
    acquireConnectionTimeout: connectMs,
    // Else knex writes to the console.
    log: knexLog(logger),
    migrations: { migrationSource },
  });
}

export interface KnexNeeds {
  readonly databaseUrl: string;
  readonly logger: Logger;
  /** How long a connection may take, to be opened or to be free. */
  readonly connectMs: number;
  readonly limits?: StatementLimits;
}

/** As pg takes them, in milliseconds. */
export interface StatementLimits {
  /** After which the server gives a statement up. */
  readonly statement_timeout?: number;
  /** After which the driver no longer waits for the server. */
  readonly query_timeout?: number;
}

// While the database is away, knex warns of every connection that it cannot open: one for each request.
function knexLog(logger: Logger): Knex.Logger {
  const warnings = createBurstLog({ logger, message: "knex warned" });
  return {
    debug: (message) => logger.debug({ from: "knex" }, withoutSecrets(String(message))),
    warn: (message) => warnings.note({ from: "knex", warning: withoutSecrets(String(message)) }),
    error: (message) => logger.error({ from: "knex" }, withoutSecrets(String(message))),
    deprecate: (method, alternative) => logger.warn({ from: "knex", method, alternative }, "deprecated"),
  };
}
