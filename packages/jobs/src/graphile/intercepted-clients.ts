import type { Pool, PoolClient, QueryConfig, QueryResult } from "pg";
import type { Send } from "./fetch-jobs.ts";
import { connectIdle, guardClient } from "../database/connect-idle.ts";
import { promptlyMs, sendWithTimeout } from "../database/query-timeout.ts";
import { isUnreachable } from "../database/database-errors.ts";

/** The pool, with every query of the clients it checks out passed through `query`. */
export function withQuery(pool: Pool, query: (config: QueryConfig, send: Send) => Promise<QueryResult>): Pool {
  return new Proxy(pool, {
    get(target, property) {
      // The callback form is the listener's, which neither takes nor writes.
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

/** Graphile Worker waits for the answer to its last UNLISTEN, on a connection that has said nothing for hours. */
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

/** Graphile Worker does not wait for one answer before it asks the next thing, and pg warns of that. */
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

/** The two methods that Graphile Worker uses of a client it checks out. Connects with the query, to connect again with it. */
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
      // Whatever comes between two tries may need a connection of the same pool: nobody may wait there with one in hand.
      client?.release(isUnreachable(error));
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
