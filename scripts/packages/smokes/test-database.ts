// What a stranger would try first, given the entries as one build has them: a database from npm, copies of it, and one on a server.
import type * as TestDatabase from "@acme/test-database";
import type * as Pg from "pg";

export interface SmokeModules {
  readonly main: typeof TestDatabase;
  readonly pg: typeof Pg & { readonly default?: typeof Pg };
}

export const specifiers = { main: "@acme/test-database", pg: "pg" };

export async function smoke({ main, pg }: SmokeModules, url: string): Promise<void> {
  const { Pool } = pg.default ?? pg;
  let migratedCount = 0;
  const migrate = async (empty: string): Promise<void> => {
    migratedCount += 1;
    const pool = new Pool({ connectionString: empty });
    await pool.query("create table orders (id serial primary key)");
    await pool.end();
  };
  for (const server of [undefined, undefined, url]) {
    const database = await main.createTestDatabase({ migrate, url: server });
    const pool = new Pool({ connectionString: database.url });
    const { rows } = await pool.query("insert into orders default values returning id");
    await pool.end();
    await database.drop();
    if (JSON.stringify(rows) !== '[{"id":1}]') throw new Error(`The rows are ${JSON.stringify(rows)}.`);
  }
  if (migratedCount !== 2) throw new Error(`It migrated ${migratedCount} times for two servers.`);

  const refusal = await main.createTestDatabase({ url: "no server" }).catch((error: unknown) => error);
  if (!(refusal instanceof main.TestDatabaseError) || refusal.code !== "OPTIONS_INVALID") throw refusal;
}
