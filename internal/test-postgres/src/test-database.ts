import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { escapeIdentifier, Pool, type PoolConfig } from "pg";
import { onDatabase, withConnection } from "./admin.ts";
import { dropDatabase } from "./drop-databases.ts";
import { runId, serverUrl } from "./server-url.ts";

export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  readonly name: string;
  /** A pool on this database. It is ended with the database, so tests need not end it. */
  pool(options?: PoolConfig): Pool;
}

export interface TestDatabaseOptions {
  /** A database to copy, as `createTemplate` returns it. Default: an empty one. */
  template?: string;
}

/**
 * Creates a database for one test, in about 25 ms.
 *
 * On dispose its pools are ended and the database is dropped, even if clients are still connected.
 *
 * @example
 * await using database = await createTestDatabase();
 * const pool = database.pool({ max: 1 });
 */
export async function createTestDatabase({ template = "template0" }: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const server = serverUrl();
  const name = `${runId()}_${randomBytes(6).toString("hex")}`;
  await withConnection(server, (query) => query(createDatabase(name, template)));

  const url = onDatabase(server, name);
  const pools: Pool[] = [];
  return {
    url,
    name,
    pool(options) {
      const pool = new Pool({ connectionString: url, ...options });
      // Without a listener, an idle connection that a test kills would end the process of the test.
      pool.on("error", () => {});
      pools.push(pool);
      return pool;
    },
    async [Symbol.asyncDispose]() {
      await endPools(pools);
      await withConnection(server, async (query) => {
        for (let looks = 0; looks < mostLooks; looks += 1) {
          const { rowCount } = await query(
            "select from pg_stat_activity where datname = $1 and backend_type = 'client backend'",
            [name],
          );
          if (rowCount === 0) break;
          await pause(10);
        }
        await query(dropDatabase(name));
      });
    },
  };
}

/**
 * A tenth of a second. A pool that a test has ended itself still has its connections for a moment, and the error of one that is
 * dropped with its database would end the process of the test.
 */
const mostLooks = 10;

/**
 * Prepares a database once per run, even if many test files ask for it at once, and returns its name.
 *
 * `prepare` gets the connection string of an empty database and must close its connections. If it throws, the next
 * caller tries again with an empty database.
 */
export async function createTemplate(name: string, prepare: (url: string) => Promise<void>): Promise<string> {
  const server = serverUrl();
  const template = `${runId()}_template_${name}`;
  const unfinished = `${template}_unfinished`;
  await withConnection(server, async (query) => {
    // The lock is held until this connection closes.
    await query("select pg_advisory_lock(hashtextextended($1, 0))", [template]);
    const found = await query("select from pg_database where datname = $1", [template]);
    if (found.rowCount === 1) return;

    await query(dropDatabase(unfinished));
    await query(createDatabase(unfinished, "template0"));
    await prepare(onDatabase(server, unfinished));
    await query(`alter database ${escapeIdentifier(unfinished)} rename to ${escapeIdentifier(template)}`);
  });
  return template;
}

function createDatabase(name: string, template: string): string {
  return `create database ${escapeIdentifier(name)} template ${escapeIdentifier(template)} strategy file_copy`;
}

/**
 * Waits for a limited time: a client that a test never released keeps its pool from ending, and is ended when the
 * database is dropped. A pool that the test has ended already rejects, which does no harm.
 */
async function endPools(pools: Pool[]): Promise<void> {
  const ended = pools.map((pool) => pool.end());
  const { promise: patienceEnds, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, 1000);
  await Promise.race([Promise.allSettled(ended), patienceEnds]);
  clearTimeout(timer);
}
