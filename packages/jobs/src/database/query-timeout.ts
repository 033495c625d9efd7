import type { ClientBase, Pool, QueryConfig, QueryResult } from "pg";
import { connectIdle } from "./connect-idle.ts";
import type { Queryable } from "./queryable.ts";
import { awaitStandbys } from "./standby-waits.ts";

/** Long, because the server may be busy, or another transaction may hold a lock. */
export const answerWithinMs = 30_000;
/** For statements that wait for no lock. */
export const promptlyMs = 10_000;

/** An option of pg that its types lack. */
interface ClientTimeout {
  readonly query_timeout: number;
}

/**
 * The pool, with a timeout for each statement. After the timeout, the connection is closed, and the statement may have
 * been run or
 * not. Without it, TCP would wait for a quarter of an hour or longer if a firewall has dropped the connection, or the network
 * has gone silent.
 */
export function withQueryTimeout(pool: Pool, withinMs = answerWithinMs): Queryable {
  return { query: (text, values = []) => askWithTimeout(pool, { text, values: [...values] }, withinMs) };
}

/**
 * The same for writes that are promised: each statement is a transaction of its own, and fails with
 * `StandbyWaitEndedError` if the standbys may lack it.
 */
export function withPromisedWrites(pool: Pool, withinMs = answerWithinMs): Queryable {
  return {
    query: (text, values = []) =>
      onConnection(pool, (connection) => {
        const config = { text, values: [...values] };
        return awaitStandbys(connection.client, () => sendWithTimeout(connection, config, withinMs));
      }),
  };
}

/** The same for one statement, which may have a name. */
export function askWithTimeout(pool: Pool, config: QueryConfig, withinMs = answerWithinMs): Promise<QueryResult> {
  return onConnection(pool, (connection) => sendWithTimeout(connection, config, withinMs));
}

async function onConnection(pool: Pool, ask: (connection: Connection) => Promise<QueryResult>): Promise<QueryResult> {
  const client = await connectIdle(pool);
  let failure: unknown;
  try {
    return await ask({ pool, client });
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    // As in pg's own `pool.query`: a connection is not used again after an error.
    client.release(failure !== undefined);
  }
}

/** A connection that is checked out, and its pool. */
export interface Connection {
  readonly pool: Pool;
  readonly client: ClientBase;
}

/** The same on a connection that is checked out of the pool. The caller must close it after a failure. */
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

/** Whether the timeout of a statement was over before its answer came. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof Error && error.message === "Query read timeout";
}

/**
 * Compares the text as well, because the process id may belong to another session by now. PostgreSQL cuts the text it
 * shows.
 */
const shownLength = 100;
const callOffSql = `
  select pg_cancel_backend(pid) from pg_stat_activity
  where pid = $1 and datname = current_database() and usename = current_user and state = 'active'
    and left(query, ${shownLength}) = left($2, ${shownLength})
    and query_start < clock_timestamp() - $3::float8 * interval '1 millisecond'`;

/**
 * Cancels the statement on the server. A backend does not notice that its client has stopped waiting: while another transaction
 * locks a table for an hour, the backends of all tries would wait, until the server has no connection left.
 */
function callOff({ pool, client }: Connection, text: string, ranForMs: number): void {
  const { processID } = client as { readonly processID?: unknown };
  if (typeof processID !== "number") return;
  // The statement began when it arrived, some time after it was sent. Half of the time is a wide margin for that.
  const timeout: ClientTimeout = { query_timeout: answerWithinMs };
  const config = { text: callOffSql, values: [processID, text, ranForMs / 2], ...timeout };
  pool.query(config).catch(() => undefined);
}
