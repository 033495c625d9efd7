import type { Queryable } from "../database/queryable.ts";
import { startOfFetch } from "./return-jobs.ts";

/**
 * The sessions that are carrying out a fetch of this pool, also for a client that is gone: a server that waits for a lock does not
 * notice it. None are found if the server does not track activities, or does not show them to this role.
 */
export async function fetchingSessions(db: Queryable, poolId: string): Promise<string[]> {
  const { rows } = await db.query(
    // Not by the start of the statement, which changes while one is parsed, bound and executed.
    `select pid || ' ' || extract(epoch from backend_start)::text as session from pg_stat_activity
     where datname = current_database() and state = 'active' and starts_with(query, $1)`,
    [startOfFetch(poolId)],
  );
  return rows.map((row) => String(row["session"]));
}
