import type { Knex } from "knex";
import { Client } from "pg";
import { migrationNames } from "./migrations/index.ts";
import { openKnex, type KnexNeeds } from "./open-knex.ts";
import { StartupError } from "./startup-error.ts";

/**
 * Brings the tables up to date. Processes that start together take turns.
 *
 * On connections of its own: a migration, and the turn of another process, may take longer than any statement of a request.
 *
 * @throws {@link StartupError} `MIGRATION_UNKNOWN`.
 */
export async function migrateToLatest(needs: MigrationNeeds): Promise<void> {
  await inTurn(needs, () =>
    usingKnex(needs, async (knex) => {
      // A process killed while it migrated leaves knex's own lock behind. Whoever's turn it is holds the advisory lock, so it is stale.
      await knex.migrate.forceFreeMigrationsLock();
      await listMigrations(knex);
      await knex.migrate.latest();
    }),
  );
}

/** @throws {@link StartupError} `MIGRATION_MISSING` or `MIGRATION_UNKNOWN`. */
export async function assertMigrated(needs: MigrationNeeds): Promise<void> {
  const { pending } = await usingKnex(needs, async (knex) => {
    await knex.raw("select 1");
    return await listMigrations(knex);
  });
  if (pending.length === 0) return;
  throw new StartupError(
    "MIGRATION_MISSING",
    `${pending.length} migration(s) of the app database have not run, and AUTO_MIGRATE is false. Run "npm run migrate", then start again.`,
  );
}

type MigrationNeeds = Omit<KnexNeeds, "limits">;

async function listMigrations(knex: Knex): Promise<{ readonly pending: readonly unknown[] }> {
  // Knex's own check speaks of a corrupt directory, and there is none.
  const [completed, pending]: [{ name: string }[], unknown[]] = await knex.migrate.list({
    disableMigrationsListValidation: true,
  });
  const unknown = completed.map(({ name }) => name).filter((name) => !migrationNames.includes(name));
  if (unknown.length > 0) throw migrationUnknown(unknown);
  return { pending };
}

async function usingKnex<Result>(needs: MigrationNeeds, work: (knex: Knex) => Promise<Result>): Promise<Result> {
  const knex = openKnex(needs);
  try {
    return await work(knex);
  } finally {
    await knex.destroy();
  }
}

async function inTurn({ databaseUrl, logger, connectMs }: MigrationNeeds, work: () => Promise<void>): Promise<void> {
  const client = new Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: connectMs,
    application_name: "koa-app",
  });
  client.on("error", (error) => logger.warn({ err: error }, "the connection that holds the turn to migrate broke"));
  await client.connect();
  try {
    await client.query("select pg_advisory_lock(hashtextextended('koa-app.migrate', 0))");
    await work();
  } finally {
    // Ending the session is what surely frees its lock.
    await client.end();
  }
}

function migrationUnknown(names: readonly string[]): StartupError {
  return new StartupError(
    "MIGRATION_UNKNOWN",
    `A newer version of the app has changed the app database: this one does not know ${names.join(", ")}. ` +
      "Start that version or a newer one, or restore the database from before it.",
  );
}
