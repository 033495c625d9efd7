import { Client } from "pg";

/** Runs one query on a connection of its own. */
export async function ask(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

/** The databases whose name begins so. */
export async function databasesLike(url: string, prefix: string): Promise<string[]> {
  const rows = await ask(url, "select datname from pg_database");
  return rows.map(({ datname }) => String(datname)).filter((name) => name.startsWith(prefix));
}

/** A migration that counts how often it ran. */
export function countedMigrate(): { migrate(url: string): Promise<void>; count(): number } {
  let count = 0;
  return {
    async migrate(url) {
      count += 1;
      await ask(url, "create table orders as select 1 as id");
    },
    count: () => count,
  };
}
