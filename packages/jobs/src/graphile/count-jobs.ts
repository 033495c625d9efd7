import { queryMigrated } from "../database/missing-tables.ts";
import type { Queryable, Row } from "../database/queryable.ts";

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
  with job as (
    select task_identifier as task,
      (count(*) filter (where locked_at is null and run_at <= now()))::int as due,
      (count(*) filter (where locked_at is null and run_at > now()))::int as scheduled,
      (count(*) filter (where locked_at is not null))::int as locked,
      min(run_at) filter (where locked_at is null and run_at <= now()) as oldest_due_at
    from (
      select task_identifier, locked_at, run_at, attempts, max_attempts from graphile_worker.jobs ${firstJobs}
    ) as counted
    where locked_at is not null or attempts < max_attempts
    group by task_identifier
  ), letter as (
    select task, count(*)::int as dead
    from (select task from acme_jobs.dead_letters ${firstLetters}) as counted group by task
  )
  select task, coalesce(due, 0) as due, coalesce(scheduled, 0) as scheduled, coalesce(locked, 0) as locked,
    coalesce(dead, 0) as dead,
    case when due > 0 then (extract(epoch from now() - greatest(oldest_due_at, 'epoch')) * 1000)::float8 else 0 end
      as oldest_due_age_ms
  from job full join letter using (task)
  order by task`;
const countAllSql = countSql("", "");
const countFirstSql = countSql(firstJobsSql, firstLettersSql);

/** Reads every row. Ask outside of a transaction, with a time limit. */
export async function countJobs(db: Queryable): Promise<JobCounts[]> {
  return (await queryMigrated(db, countAllSql)).map(toCounts);
}

/** Counts only the first 10,000 jobs and dead letters: the numbers are the least that there are. */
export async function countFirstJobs(db: Queryable): Promise<JobCounts[]> {
  return (await queryMigrated(db, countFirstSql)).map(toCounts);
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

/** How many jobs each of the pools has locked. */
export async function countLockedJobs(db: Queryable): Promise<ReadonlyMap<string, number>> {
  const { rows } = await db.query(
    "select locked_by, count(*)::int as count from graphile_worker.jobs where locked_by is not null group by locked_by",
  );
  return new Map(rows.map((row) => [String(row["locked_by"]), Number(row["count"])]));
}
