import type { Pool } from "pg";
import { attemptFailed } from "../../../src/graphile/engine-errors.ts";

/**
 * What Graphile Worker 0.18 writes about one job, on the rows that it keeps to itself: its own statements, but for a job
 * of our choice (getJobs, completeJobs and failJobs in its folder `sql`).
 */
export interface LockedRow {
  readonly rowId: string;
  readonly lockCount: number;
}

/** @returns `undefined` when Graphile Worker would not take the job now. */
export async function lockRow(pool: Pool, rowId: string, poolId: string): Promise<LockedRow | undefined> {
  const { rows } = await pool.query<{ attempts: number }>(
    `update graphile_worker._private_jobs set attempts = attempts + 1, locked_by = $1, locked_at = now()
     where id = $2 and is_available and run_at <= now() returning attempts`,
    [poolId, rowId],
  );
  return rows[0] && { rowId, lockCount: rows[0].attempts };
}

export async function completeRow(pool: Pool, rowId: string): Promise<void> {
  await pool.query("delete from graphile_worker._private_jobs where id = $1", [rowId]);
}

export async function failRow(pool: Pool, rowId: string, poolId: string): Promise<void> {
  await pool.query(
    `update graphile_worker._private_jobs set last_error = $3, locked_by = null, locked_at = null,
       run_at = greatest(now(), run_at) + (exp(least(attempts, 10)) * interval '1 second')
     where id = $1 and locked_by = $2`,
    [rowId, poolId, attemptFailed.message],
  );
}

/** As if so much time had passed: Graphile Worker's times lie further back. */
export async function moveRowsBack(pool: Pool, milliseconds: number): Promise<void> {
  await pool.query(
    `update graphile_worker._private_jobs
     set run_at = run_at - $1 * interval '1 millisecond', locked_at = locked_at - $1 * interval '1 millisecond'`,
    [milliseconds],
  );
}

export async function deleteRows(pool: Pool): Promise<void> {
  await pool.query("delete from graphile_worker._private_jobs");
}

/** A job's row, times in milliseconds. */
export interface JobRow {
  readonly rowId: string;
  readonly id: string;
  readonly key: string | null;
  readonly attempts: number;
  readonly lockedBy: string | null;
  readonly canBeLocked: boolean;
  readonly runAt: number;
}

/** A subquery: all rows as JSON. */
export const jobRowsSql = `
  select coalesce(json_agg(json_build_object(
    'rowId', id::text, 'key', key, 'attempts', attempts, 'lockedBy', locked_by, 'canBeLocked', is_available,
    'id', (select substring(flag from 9) from jsonb_object_keys(flags) as flag where flag like 'acme:id:%'),
    'runAt', extract(epoch from run_at) * 1000
  )), '[]') from graphile_worker._private_jobs`;
