import { Client, type QueryResult } from "pg";

export type Query = (text: string, values?: unknown[]) => Promise<QueryResult<Record<string, unknown>>>;

/** Runs statements on one connection that is opened for them and closed after them. */
export async function withConnection<Result>(url: string, work: (query: Query) => Promise<Result>): Promise<Result> {
  const client = new Client({ connectionString: url });
  // Without a listener, the end of the connection would end the process of the test.
  client.on("error", () => {});
  await client.connect();
  try {
    return await work((text, values) => client.query<Record<string, unknown>>(text, values));
  } finally {
    await client.end();
  }
}

/** The same server, another database. */
export function onDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${encodeURIComponent(database)}`;
  return changed.href;
}
