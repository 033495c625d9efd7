import { withConnection } from "./admin.ts";

export interface TerminateOptions {
  /** Ends only sessions with this `application_name`. Default: all. */
  applicationName?: string;
}

/**
 * Ends every other session of that database, as an administrator would. Resolves with their number when they have
 * ended.
 */
export async function terminateBackends(url: string, { applicationName }: TerminateOptions = {}): Promise<number> {
  return withConnection(url, async (query) => {
    const { rowCount } = await query(
      `select pg_terminate_backend(pid, 5000) from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
         and ($1::text is null or application_name = $1)`,
      [applicationName ?? null],
    );
    return rowCount ?? 0;
  });
}
