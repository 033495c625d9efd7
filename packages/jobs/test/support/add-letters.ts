import type { Pool } from "pg";

export interface Letters {
  readonly count: number;
  readonly task: string;
  /** An SQL text. `%s` is the number of the letter. */
  readonly reason?: string;
}

/** Adds dead letters, each of which has died a moment before the one that is added next, with payloads from `{"n": 1}` on. */
export async function addLetters(pool: Pool, { count, task, reason = "broken" }: Letters): Promise<void> {
  await pool.query(
    `insert into acme_jobs.dead_letters (id, task, payload, priority, reason, attempts, errors, enqueued_at, died_at)
     select left(gen_random_uuid()::text, 32) || 'ac5e', $2, ('{"n": ' || n || '}')::json, 0, format($3, n), 1,
       jsonb_build_array(jsonb_build_object('attempt', 1, 'at', now(), 'name', 'Error', 'message', format($3, n))),
       now(), clock_timestamp() + n * interval '1 microsecond'
     from generate_series(1, $1::int) as n`,
    [count, task, reason],
  );
}
