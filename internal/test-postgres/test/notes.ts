import { Client } from "pg";
import { createTestDatabase, type TestDatabase } from "../src/index.ts";

/** What pg says when its connection is gone. */
export const connectionLost = /terminated|ended|ECONNRESET/;

/** A database with the one table that these tests write to. */
export async function createNotes(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  await database.pool().query("create table note (text text)");
  return database;
}

export async function countNotes(database: TestDatabase): Promise<number> {
  const { rows } = await database.pool().query<{ count: number }>("select count(*)::int as count from note");
  return rows[0]!.count;
}

/** Transactions that other sessions have open in this database. */
export async function countOpenTransactions(database: TestDatabase): Promise<number> {
  const { rows } = await database.pool().query<{ count: number }>(
    `select count(*)::int as count from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null`,
  );
  return rows[0]!.count;
}

export async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  return client;
}

export function ended(client: Client): Promise<void> {
  return new Promise((resolve) => client.once("end", () => resolve()));
}
