import type pg from "pg";
import type { Kill } from "./injected-faults.ts";

export interface RecoveryTimes {
  /** Runs that a SIGKILL cut off, and that were seen to begin again. */
  readonly count: number;
  readonly medianMs: number;
  readonly longestMs: number;
}

/** A run of the killed process that meant to succeed, and had to begin again, from the kill to the new beginning. */
const recoverySql = `
  with kills as (select * from unnest($1::text[], $2::timestamptz[]) as kill (label, at)),
  cut as (
    select extract(epoch from (
      select min(again.started_at) from soak.runs as again
      where again.idempotency_key = run.idempotency_key and again.started_at > kill.at
    ) - kill.at) * 1000 as ms
    from soak.runs as run join kills as kill on kill.label = run.run_by
    where run.intent = 'succeed' and run.started_at > kill.at - interval '1 second'
  )
  select count(ms)::int as count,
    coalesce(round(percentile_cont(0.5) within group (order by ms)), 0)::float8 as "medianMs",
    coalesce(round(max(ms)), 0)::float8 as "longestMs"
  from cut`;

export async function measureRecovery(app: pg.Pool, kills: readonly Kill[]): Promise<RecoveryTimes> {
  const workers = kills.filter(({ label }) => label.startsWith("worker"));
  const { rows } = await app.query<RecoveryTimes>(recoverySql, [
    workers.map(({ label }) => label),
    workers.map(({ at }) => at),
  ]);
  return rows[0] ?? { count: 0, medianMs: 0, longestMs: 0 };
}
