import type { Pool, PoolClient, QueryConfig, QueryResult } from "pg";
import type { Send } from "./fetch-jobs.ts";
import { connectIdle, guardClient } from "../database/connect-idle.ts";
import { promptlyMs, sendWithTimeout } from "../database/query-timeout.ts";
import { needsOtherConnection } from "../database/database-errors.ts";

/** The pool, with every query of the clients it checks out passed through `query`. */
export function withQuery(pool: Pool, query: (config: QueryConfig, send: Send) => Promise<QueryResult>): Pool {
  return new Proxy(pool, {
    get(target, property) {
      // Only Graphile Worker's listener uses callbacks. It neither fetches nor writes.
      if (property === "connect") {
        return async (...callback: [] | Parameters<Pool["connect"]>) =>
          callback.length === 0 ? lasting(target, query) : connectListener(target, ...callback);
      }
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

type OnConnect = Parameters<Pool["connect"]>[0];

/** Limits Graphile Worker's wait for the answer to its last UNLISTEN: that connection may have been silent for hours. */
function connectListener(pool: Pool, onConnect: OnConnect): void {
  pool.connect((error, client, release) => {
    if (client === undefined) return onConnect(error, client, release);
    guardClient(client);
    let isBroken = false;
    const ask = async (text: string) => {
      try {
        return await sendWithTimeout({ pool, client }, { text }, promptlyMs);
      } catch (failure) {
        isBroken = true;
        throw failure;
      }
    };
    onConnect(error, withOwnQuery(client, oneAtATime(ask)), (broken) => release(broken ?? isBroken));
  });
}

/** Queues the queries, because Graphile Worker sends one before the answer to the last, which pg warns about. */
function oneAtATime(ask: (text: string) => Promise<QueryResult>): PoolClient["query"] {
  let before: Promise<unknown> = Promise.resolve();
  const query = (text: string) => {
    const answer = before.then(() => ask(text));
    before = answer.catch(() => undefined);
    return answer;
  };
  return query as PoolClient["query"];
}

function withOwnQuery(client: PoolClient, query: PoolClient["query"]): PoolClient {
  return new Proxy(client, {
    get(target, property) {
      if (property === "query") return query;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/**
 * The two methods that Graphile Worker uses of a client. The connection is opened by the query, so that a query which is repeated
 * gets a new one.
 */
function lasting(
  pool: Pool,
  query: (config: QueryConfig, send: Send) => Promise<QueryResult>,
): Pick<PoolClient, "query" | "release"> {
  let client: PoolClient | undefined;

  const send: Send = async (config) => {
    try {
      client ??= await connectIdle(pool);
      return await sendWithTimeout({ pool, client }, config);
    } catch (error) {
      // Released before the next try, because the code between two tries may need a connection of the same pool.
      client?.release(needsOtherConnection(error));
      client = undefined;
      throw error;
    }
  };

  return {
    query: ((config: QueryConfig) => query(config, send)) as PoolClient["query"],
    release(error) {
      client?.release(error);
      client = undefined;
    },
  };
}

/** Sends each statement over a connection that it has only for itself, and gives back at once. */
export function sendAlone(pool: Pool): Send {
  return async (config) => {
    const client = await connectIdle(pool);
    let failure: unknown;
    try {
      return await sendWithTimeout({ pool, client }, config);
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      client.release(failure !== undefined && needsOtherConnection(failure));
    }
  };
}
