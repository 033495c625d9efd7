import type { Pool } from "pg";

/** Adds many jobs at once, as plain SQL does. */
export async function addPlain(pool: Pool, task: string, count: number): Promise<void> {
  await pool.query(
    `select count(*) from graphile_worker.add_jobs(array(
       select row($1, '{}'::json, null, null, null, null, null, null)::graphile_worker.job_spec from generate_series(1, $2)
     ))`,
    [task, count],
  );
}
