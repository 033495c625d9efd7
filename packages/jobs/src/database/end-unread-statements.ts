import type { QueryConfig } from "pg";

/**
 * Ends statements whose answers the client does not read. An answer that does not fit into the socket buffers keeps its
 * transaction open, and with it the locks. No timeout of the server ends it. Only sessions of the connected user can be ended.
 *
 * @param start - What the texts of those statements begin with.
 * @param options.afterMs - How long they must have run.
 */
export function endUnreadStatements(start: string, { afterMs }: { readonly afterMs: number }): QueryConfig {
  return {
    text: `select pg_terminate_backend(pid) from pg_stat_activity
           where datname = current_database() and usename = session_user and state = 'active' and wait_event = 'ClientWrite'
             and starts_with(query, $1) and query_start <= clock_timestamp() - $2 * interval '1 millisecond'`,
    values: [start, afterMs],
  };
}
