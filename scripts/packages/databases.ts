import { type LocalPostgres, startLocalPostgres } from "@acme/local-postgres";
import { Client } from "pg";

export interface Databases extends AsyncDisposable {
  /** Makes an empty database, and returns its connection string. */
  create(): Promise<string>;
}

export async function startDatabases(installation?: string): Promise<Databases> {
  const server = await startLocalPostgres(installation === undefined ? {} : { installation });
  let count = 0;
  return {
    async create() {
      count += 1;
      const name = `try_${count}`;
      await createDatabase(server, name);
      return server.url(name);
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

async function createDatabase(server: LocalPostgres, name: string): Promise<void> {
  const client = new Client(server.url());
  await client.connect();
  try {
    await client.query(`create database ${name}`);
  } finally {
    await client.end();
  }
}
