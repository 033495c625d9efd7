import type { ClientBase, Pool, QueryConfig, QueryResult } from "pg";
import { connectIdle } from "./connect-idle.ts";
import type { Queryable } from "./queryable.ts";

/** The server may be busy, or somebody has a lock for a while. */
export const answerWithinMs = 30_000;
/** What waits for nobody. */
export const promptlyMs = 10_000;

/** pg's, and not among its types. */
interface ClientTimeout {
  readonly query_timeout: number;
}

/**
 * The pool, with each statement given up that is not answered in time, and its connection with it: where a firewall has forgotten a connection, or on a
 * network that has gone silent, TCP would wait for a quarter of an hour, and longer. Whether the statement was carried out is not known then.
 */
export function withQueryTimeout(pool: Pool, withinMs = answerWithinMs): Queryable {
  return { query: (text, values = []) => askWithTimeout(pool, { text, values: [...values] }, withinMs) };
}

/** The same for one statement, which may have a name. */
export async function askWithTimeout(pool: Pool, config: QueryConfig, withinMs = answerWithinMs): Promise<QueryResult> {
  const client = await connectIdle(pool);
  let failure: unknown;
  try {
    return await sendWithTimeout({ pool, client }, config, withinMs);
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    // As pg's own pool does: one that has met an error is not given out again.
    client.release(failure !== undefined);
  }
}

/** A connection that somebody has in hand, and its pool. */
export interface Connection {
  readonly pool: Pool;
  readonly client: ClientBase;
}

/** The same on a connection of the pool that somebody has in hand. It is to be closed after a failure. */
export async function sendWithTimeout(
  connection: Connection,
  config: QueryConfig,
  withinMs = answerWithinMs,
): Promise<QueryResult> {
  const timeout: ClientTimeout = { query_timeout: withinMs };
  try {
    return await connection.client.query({ ...config, ...timeout });
  } catch (error) {
    if (isUnanswered(error)) callOff(connection, config.text, withinMs);
    throw error;
  }
}

function isUnanswered(error: unknown): boolean {
  return error instanceof Error && error.message === "Query read timeout";
}

/** What PostgreSQL shows of a statement is cut, at 1,024 bytes by default; and a process id may be somebody else's by now. */
const shownLength = 100;
const callOffSql = `
  select pg_cancel_backend(pid) from pg_stat_activity
  where pid = $1 and datname = current_database() and usename = current_user and state = 'active'
    and left(query, ${shownLength}) = left($2, ${shownLength})
    and query_start < clock_timestamp() - $3::float8 * interval '1 millisecond'`;

/**
 * A backend does not notice that nobody waits any more: where somebody has locked a table for an hour, those of all tries would wait for it, until the
 * server has no connection left.
 */
function callOff({ pool, client }: Connection, text: string, ranForMs: number): void {
  const { processID } = client as { readonly processID?: unknown };
  if (typeof processID !== "number") return;
  // The statement began when it arrived, some time after it was sent. Half of the time is a wide margin for that.
  const timeout: ClientTimeout = { query_timeout: answerWithinMs };
  const config = { text: callOffSql, values: [processID, text, ranForMs / 2], ...timeout };
  pool.query(config).catch(() => undefined);
}
