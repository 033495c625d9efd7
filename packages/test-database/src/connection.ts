import { Client, DatabaseError, type QueryResult } from "pg";
import { TestDatabaseError } from "./errors.ts";
import type { Server } from "./server.ts";

export type Query = (text: string, values?: unknown[]) => Promise<QueryResult<Record<string, unknown>>>;

/** Runs statements on one connection to the server, which is opened for them and closed after them. */
export async function withConnection<Result>(
  { url, run }: Pick<Server, "url" | "run">,
  work: (query: Query) => Promise<Result>,
): Promise<Result> {
  // By the name, the janitor sees whether somebody is still making databases of the run.
  const client = new Client({ connectionString: url, application_name: run, connectionTimeoutMillis: 30_000 });
  // Without a listener, the end of the connection would end the process of the test.
  client.on("error", () => {});
  try {
    await client.connect();
  } catch (cause) {
    throw unreachable(url, cause);
  }
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

/** The SQLSTATE with which the server refused a statement. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof DatabaseError ? error.code : undefined;
}

function unreachable(url: string, cause: unknown): TestDatabaseError {
  const { host, pathname, username } = new URL(url);
  const reason = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new TestDatabaseError(
    "SERVER_UNREACHABLE",
    `There is no connection to the PostgreSQL of the tests at ${host}, database "${pathname.slice(1)}", user ` +
      `"${username}": ${reason}. Correct TEST_DATABASE_URL or the option url, or leave both out to get a server from npm.`,
    { cause },
  );
}
