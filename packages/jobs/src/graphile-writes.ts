import type { Pool, PoolClient, QueryConfig } from "pg";
import { isUnreachable, repeatWhilePassing } from "./unreachable.ts";

/**
 * What Graphile Worker writes once a job has ended: deleting or failing it twice changes nothing, so a write whose
 * answer was lost may be repeated. Left alone, the first failed one ends its pool.
 */
const repeatableWrite = /^(complete|fail|return)_job/;

/** The pool, with writes about ended jobs repeated while the database cannot be reached, until `giveUp` is aborted. */
export function withLastingWrites(pool: Pool, giveUp: AbortSignal): Pool {
  const connect = async () => lasting(pool, giveUp);
  return new Proxy(pool, {
    get(target, property) {
      // The callback form is the listener's, which writes nothing.
      if (property === "connect") {
        return (...callback: [] | Parameters<Pool["connect"]>) =>
          callback.length === 0 ? connect() : target.connect(...callback);
      }
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** The two methods that Graphile Worker uses of a client it checks out. Connects with the query, to connect again with it. */
function lasting(pool: Pool, giveUp: AbortSignal): Pick<PoolClient, "query" | "release"> {
  let client: PoolClient | undefined;

  const queryOnce = async (config: QueryConfig): Promise<unknown> => {
    try {
      client ??= await pool.connect();
      return await client.query(config);
    } catch (error) {
      if (isUnreachable(error)) {
        client?.release(true);
        client = undefined;
      }
      throw error;
    }
  };
  const query = (config: QueryConfig): Promise<unknown> =>
    repeatableWrite.test(config.name ?? "") ? repeatWhilePassing(() => queryOnce(config), giveUp) : queryOnce(config);

  return {
    query: query as PoolClient["query"],
    release(error) {
      client?.release(error);
      client = undefined;
    },
  };
}
