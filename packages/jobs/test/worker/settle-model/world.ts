import { Client, type Pool } from "pg";
import { createTestJobs, type TestJobs } from "../../support/test-jobs.ts";
import { deleteRows, jobRowsSql, moveRowsBack, type JobRow } from "./graphile-private-rows.ts";
import type { ModelRun } from "./model.ts";
import type { RealRun } from "./real-run.ts";

/** The real side: tables, sessions of workers, runs. */
export interface World extends AsyncDisposable {
  readonly jobs: TestJobs["jobs"];
  readonly pool: Pool;
  /** One per worker; holds its advisory lock. */
  readonly sessions: readonly Client[];
  readonly runs: Map<ModelRun, RealRun>;
  /** Empties the tables and lets go of all locks. */
  reset(): Promise<void>;
  read(): Promise<Rows>;
  /** As if so much time had passed for jobs and notes. */
  wait(milliseconds: number): Promise<void>;
}

export interface NoteRow {
  readonly rowId: string;
  readonly id: string;
  readonly isSettled: boolean;
  readonly uncounted: number;
  readonly errors: number[];
}

export interface LetterRow {
  readonly id: string;
  readonly attempts: number;
  readonly errors: number[];
}

export interface Rows {
  readonly now: number;
  readonly jobs: readonly JobRow[];
  readonly notes: readonly NoteRow[];
  readonly letters: readonly LetterRow[];
  readonly poolIds: readonly string[];
}

const errorsSql =
  "(select coalesce(json_agg((error->>'attempt')::int), '[]') from jsonb_array_elements(errors) as error)";
const readSql = `select json_build_object(
  'now', extract(epoch from clock_timestamp()) * 1000,
  'jobs', (${jobRowsSql}),
  'notes', (select coalesce(json_agg(json_build_object('rowId', job_id::text, 'id', idempotency_key,
    'isSettled', is_settled, 'uncounted', uncounted, 'errors', ${errorsSql})), '[]') from acme_jobs.failures),
  'letters', (select coalesce(json_agg(json_build_object('id', id, 'attempts', attempts, 'errors', ${errorsSql})), '[]')
    from acme_jobs.dead_letters),
  'poolIds', (select coalesce(json_agg(pool_id), '[]') from acme_jobs.workers)
) as rows`;

export async function createWorld(workerCount: number): Promise<World> {
  const test = await createTestJobs();
  const { jobs, jobsPool: pool, jobsUrl } = test;
  const sessions = Array.from({ length: workerCount }, () => new Client({ connectionString: jobsUrl }));
  for (const session of sessions) await session.connect();
  const runs = new Map<ModelRun, RealRun>();
  return {
    jobs,
    pool,
    sessions,
    runs,
    async reset() {
      runs.clear();
      for (const session of sessions) await session.query("select pg_advisory_unlock_all()");
      await deleteRows(pool);
      await pool.query("delete from acme_jobs.failures");
      await pool.query("delete from acme_jobs.dead_letters");
      await pool.query("delete from acme_jobs.workers");
    },
    async read() {
      const { rows } = await pool.query<{ rows: Rows }>(readSql);
      return rows[0]!.rows;
    },
    async wait(milliseconds) {
      await moveRowsBack(pool, milliseconds);
      await pool.query(
        `update acme_jobs.failures
         set run_at = run_at - $1 * interval '1 millisecond', updated_at = updated_at - $1 * interval '1 millisecond'`,
        [milliseconds],
      );
    },
    async [Symbol.asyncDispose]() {
      for (const session of sessions) await session.end();
      await test[Symbol.asyncDispose]();
    },
  };
}
