import { createHash, randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { onDatabase, type Query, sqlState, withConnection } from "./connection.ts";
import { TestDatabaseError } from "./errors.ts";
import { templatePrefix } from "./run-databases.ts";
import type { Server } from "./server.ts";

/** Makes the tables of an empty database. Its connections are closed when it has resolved. */
export type Migrate = (url: string) => unknown;

const idsOfFunctions = new WeakMap<Migrate, string>();

/** The name of the database that `migrate` has migrated, or will have. A given name is one for all processes of the run. */
export function templateName(server: Server, migrate: Migrate, name: string | undefined): string {
  if (name !== undefined) {
    return templatePrefix(server) + createHash("sha256").update(name).digest("hex").slice(0, 16);
  }
  const id = idsOfFunctions.get(migrate) ?? randomBytes(8).toString("hex");
  idsOfFunctions.set(migrate, id);
  return templatePrefix(server) + id;
}

/** Makes a template once, even if many ask for it at once. If it fails, the next one tries again from the beginning. */
export async function makeTemplate(server: Server, template: string, migrate: Migrate): Promise<void> {
  const unfinished = `${template}_new`;
  await withConnection(server, async (query) => {
    // The lock is held until this connection closes.
    await query("select pg_advisory_lock(hashtextextended($1, 0))", [template]);
    const found = await query("select from pg_database where datname = $1", [template]);
    if (found.rowCount === 1) return;

    await query(`drop database if exists "${unfinished}" with (force)`);
    await createDatabase(query, server, { name: unfinished, template: "template0" });
    await runMigrate(migrate, onDatabase(server.url, unfinished));
    await untilClosed(query, unfinished);
    await query(`alter database "${unfinished}" rename to "${template}"`);
  });
}

/** @throws {@link TestDatabaseError} `CREATE_DATABASE_DENIED` */
export async function createDatabase(
  query: Query,
  { isEmbedded }: Server,
  { name, template }: { name: string; template: string },
): Promise<void> {
  // Where nothing is forced to the disk, copying files is the faster way. Older servers do not know the word.
  const strategy = isEmbedded ? " strategy file_copy" : "";
  try {
    await query(`create database "${name}" template "${template}"${strategy}`);
  } catch (cause) {
    if (sqlState(cause) !== "42501") throw cause;
    throw new TestDatabaseError(
      "CREATE_DATABASE_DENIED",
      "The role of the server's url may not create databases. Let it (alter role … createdb), give the url of another " +
        "role, or leave the url out to get a server from npm.",
      { cause },
    );
  }
}

async function runMigrate(migrate: Migrate, url: string): Promise<void> {
  try {
    await migrate(url);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TestDatabaseError(
      "MIGRATE_FAILED",
      `migrate() failed: ${reason}. Its error is the cause of this one. The next call tries again on an empty database.`,
      { cause },
    );
  }
}

/** A connection that was ended is still there for a moment. */
async function untilClosed(query: Query, name: string): Promise<void> {
  const deadlineAt = Date.now() + closingMs;
  for (;;) {
    const count = await countSessions(query, name);
    if (count === 0) return;
    if (Date.now() > deadlineAt) throw leftOpen(count);
    await pause(10);
  }
}

const closingMs = 2_000;

/** How many connections to a database there are. */
export async function countSessions(query: Query, name: string): Promise<number> {
  const { rowCount } = await query(
    "select from pg_stat_activity where datname = $1 and (backend_type is null or backend_type = 'client backend')",
    [name],
  );
  return rowCount ?? 0;
}

function leftOpen(count: number): TestDatabaseError {
  return new TestDatabaseError(
    "CONNECTIONS_LEFT_OPEN",
    `migrate() has left ${count} connections open, and a database with connections cannot be copied. Close them before ` +
      "it resolves: await pool.end(), await knex.destroy(), await jobs.close().",
  );
}
