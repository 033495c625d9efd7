import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { onDatabase, sqlState, withConnection } from "./connection.ts";
import { findServer } from "./find-server.ts";
import { checkOptions, type TestDatabaseOptions } from "./options.ts";
import type { Server } from "./server.ts";
import { countSessions, createDatabase, makeTemplate, type Migrate, templateName } from "./template.ts";

/** A database of one test, or of one test file. It is dropped when it is disposed of. */
export interface TestDatabase extends AsyncDisposable {
  /** The connection string, for a pool of your own. */
  readonly url: string;
  /** What it is called on the server. */
  readonly name: string;
  /**
   * Drops the database, as the end of `await using` does. End your pools before: if one has connections still, the
   * database stays, and is dropped at the end of the run, so that no test is hit by the error of a cut connection.
   *
   * @throws {@link TestDatabaseError} `SERVER_UNREACHABLE` when the server has gone.
   */
  drop(): Promise<void>;
}

/**
 * Creates a throw-away, migrated PostgreSQL database for a test.
 *
 * The first call of a process starts a real PostgreSQL from npm, without Docker, or uses the server of
 * `TEST_DATABASE_URL`. Further databases are copies and take milliseconds. The server, its files and all databases are
 * gone after the process has ended, be it killed.
 *
 * @throws {@link TestDatabaseError} `OPTIONS_INVALID`, `MIGRATE_FAILED` and `CONNECTIONS_LEFT_OPEN` of `migrate`. With a
 * server of your own: `SERVER_UNREACHABLE`, `CREATE_DATABASE_DENIED`. With one from npm: `PLATFORM_UNSUPPORTED`,
 * `BINARIES_MISSING`, `BINARIES_UNREACHABLE`, `NO_UNPRIVILEGED_USER`, `SERVER_FAILED`.
 *
 * @example
 * await using database = await createTestDatabase({
 *   migrate: async (url) => {
 *     const pool = new Pool({ connectionString: url });
 *     await pool.query("create table orders (id serial primary key)");
 *     await pool.end();
 *   },
 * });
 * const pool = new Pool({ connectionString: database.url });
 */
export async function createTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { migrate, template, url } = checkOptions(options);
  const server = await findServer(url);
  const name = `${server.run}_${randomBytes(6).toString("hex")}`;
  await (migrate === undefined
    ? withConnection(server, (query) => createDatabase(query, server, { name, template: "template0" }))
    : copyMigrated(server, name, { migrate, template: templateName(server, migrate, template) }));

  let dropped: Promise<void> | undefined;
  const drop = () => (dropped ??= dropDatabase(server, name));
  return { url: onDatabase(server.url, name), name, drop, [Symbol.asyncDispose]: drop };
}

async function copyMigrated(
  server: Server,
  name: string,
  { migrate, template }: { migrate: Migrate; template: string },
): Promise<void> {
  const copy = () => withConnection(server, (query) => createDatabase(query, server, { name, template }));
  try {
    await copy();
  } catch (error) {
    if (sqlState(error) !== databaseUnknown) throw error;
    await makeTemplate(server, template, migrate);
    await copy();
  }
}

const databaseUnknown = "3D000";

async function dropDatabase(server: Server, name: string): Promise<void> {
  await withConnection(server, async (query) => {
    for (let looks = 0; looks < mostLooks; looks += 1) {
      if ((await countSessions(query, name)) === 0) {
        await query(`drop database if exists "${name}"`);
        return;
      }
      await pause(10);
    }
  });
}

/** A fifth of a second: connections of a pool that was ended are still there for a moment. */
const mostLooks = 20;
