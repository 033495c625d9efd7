import type { Pool } from "pg";
import { askWithTimeout } from "./query-timeout.ts";
import type { Queryable } from "./queryable.ts";

/** On one connection, a name may stand for one text only, so the names are shared by all callers. */
const names = new Map<string, string>();

/**
 * The pool, with each statement parsed and planned once per connection: PostgreSQL takes longer to plan the statements for a
 * failed job than to run them. Works only on session connections, which workers need anyway.
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
