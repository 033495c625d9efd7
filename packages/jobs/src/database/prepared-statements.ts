import type { Pool } from "pg";
import { askWithTimeout } from "./query-timeout.ts";
import type { Queryable } from "./queryable.ts";

/** A connection knows a name by one text only, whoever uses it. */
const names = new Map<string, string>();

/**
 * The pool, with each statement parsed and planned once per connection: what a worker does for each failed job takes
 * PostgreSQL longer to plan than to do. For session connections only, which workers need anyway.
 */
export function prepared(pool: Pool): Queryable {
  return {
    query(text, values = []) {
      let name = names.get(text);
      if (name === undefined) names.set(text, (name = `acme_jobs_${names.size}`));
      return askWithTimeout(pool, { name, text, values: [...values] });
    },
  };
}
