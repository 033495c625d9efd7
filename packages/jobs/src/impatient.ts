import type { Pool, QueryConfig } from "pg";
import type { Queryable } from "./queryable.ts";

/**
 * The pool, with each statement given up that is not answered in time, and its connection with it: on a network that has gone silent TCP would wait
 * for a quarter of an hour, and longer. Whether the statement was carried out is not known then.
 */
export function impatient(pool: Pool, answerWithinMs: number): Queryable {
  return {
    query(text, values = []) {
      // pg's, and not among its types.
      const config: QueryConfig & { readonly query_timeout: number } = {
        text,
        values: [...values],
        query_timeout: answerWithinMs,
      };
      return pool.query(config);
    },
  };
}
