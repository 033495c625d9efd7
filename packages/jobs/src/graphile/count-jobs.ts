import { queryMigrated } from "../database/missing-tables.ts";
import type { Queryable, Row } from "../database/queryable.ts";
import { mostPools, type LocksOfPool } from "./lock-overview.ts";

/** How many jobs of a task there are. Jobs without attempts left do not count: no worker fetches them. */
export interface JobCounts {
  readonly task: string;
  /** May begin now. */
  readonly due: number;
  /** Their time is in the future. */
  readonly scheduled: number;
  /** A worker has them: it runs them, or has fetched them ahead. */
  readonly locked: number;
  /** Dead letters. */
  readonly dead: number;
  /** Milliseconds since the first of the due ones was due; `0` if none is. */
  readonly oldestDueAgeMs: number;
}

/** How many rows a count looks at where there are too many to count. */
export const cappedAt = 10_000;

/** By the id, because the first rows in the order of the table may lie behind any number of removed ones. */
const firstJobsSql = `order by id limit ${cappedAt}`;
const firstLettersSql = `order by task limit ${cappedAt}`;

/** A time without an end counts from 1970: it has no difference to others. */
const countSql = (firstJobs: string, firstLetters: string) => `
  with part as materialized (
    select task_identifier as task, locked_by as pool,
      count(*) filter (where locked_at is null and run_at <= now()) as due,
      count(*) filter (where locked_at is null and run_at > now()) as scheduled,
      count(*) filter (where locked_at is not null) as locked,
      min(run_at) filter (where locked_at is null and run_at <= now()) as oldest_due_at, min(locked_at) as locked_at
    from (
      select task_identifier, locked_at, locked_by, run_at, attempts, max_attempts from graphile_worker.jobs ${firstJobs}
    ) as counted
    where locked_at is not null or attempts < max_attempts
    group by task_identifier, locked_by
  ), job as (
    select task, sum(due)::int as due, sum(scheduled)::int as scheduled, sum(locked)::int as locked,
      min(oldest_due_at) as oldest_due_at
    from part group by task
  ), lock as (
    select pool as "poolId", sum(locked)::int as "jobCount",
      (extract(epoch from clock_timestamp() - min(locked_at)) * 1000)::float8 as "oldestMs"
    from part where pool is not null group by pool order by min(locked_at) limit ${mostPools}
  ), letter as (
    select task, count(*)::int as dead
    from (select task from acme_jobs.dead_letters ${firstLetters}) as counted group by task
  )
  select task, coalesce(due, 0) as due, coalesce(scheduled, 0) as scheduled, coalesce(locked, 0) as locked,
    coalesce(dead, 0) as dead,
    case when due > 0 then (extract(epoch from now() - greatest(oldest_due_at, 'epoch')) * 1000)::float8 else 0 end
      as oldest_due_age_ms,
    (select coalesce(json_agg(lock), '[]') from lock)::text as locks
  from job full join letter using (task)
  order by task`;
const countAllSql = countSql("", "");
const countFirstSql = countSql(firstJobsSql, firstLettersSql);

/** The jobs by task, and those that are locked by pool. */
export interface QueueCounts {
  readonly tasks: readonly JobCounts[];
  readonly locks: readonly LocksOfPool[];
}

/** Reads every row. Ask outside of a transaction, with a time limit. */
export async function countJobs(db: Queryable): Promise<QueueCounts> {
  return toCounted(await queryMigrated(db, countAllSql));
}

/** Counts only the first 10,000 jobs and dead letters: the numbers are the least that there are. */
export async function countFirstJobs(db: Queryable): Promise<QueueCounts> {
  return toCounted(await queryMigrated(db, countFirstSql));
}

function toCounted(rows: readonly Row[]): QueueCounts {
  const locks = (rows[0]?.["locks"] as string | undefined) ?? "[]";
  return { tasks: rows.map(toCounts), locks: JSON.parse(locks) as LocksOfPool[] };
}

/** The columns that the counts above have, or a sample. */
export function toCounts(row: Row): JobCounts {
  return {
    task: String(row["task"]),
    due: Number(row["due"]),
    scheduled: Number(row["scheduled"]),
    locked: Number(row["locked"]),
    dead: Number(row["dead"]),
    oldestDueAgeMs: Number(row["oldest_due_age_ms"]),
  };
}

/** About how many jobs there are, from the server's own statistics. `undefined` until it has some. */
export async function estimateJobs(db: Queryable): Promise<number | undefined> {
  const { rows } = await db.query(
    "select reltuples::float8 as estimate from pg_class where oid = to_regclass('graphile_worker._private_jobs')",
  );
  const estimate = Number(rows[0]?.["estimate"] ?? -1);
  return estimate < 0 ? undefined : estimate;
}
