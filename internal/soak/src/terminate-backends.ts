import { Client } from "pg";

const terminateSql = `
  select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`;

/** Ends every other session of these databases. A server that is away has none. @returns how many it ended */
export async function terminateBackends(urls: readonly string[]): Promise<number> {
  const counts = await Promise.all(urls.map((url) => terminateIn(url).catch(() => 0)));
  return counts.reduce((sum, count) => sum + count, 0);
}

async function terminateIn(connectionString: string): Promise<number> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 2_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return (await client.query(terminateSql)).rowCount ?? 0;
  } finally {
    await client.end().catch(() => undefined);
  }
}
