import { queryMigrated } from "../database/missing-tables.ts";
import type { Queryable, Row } from "../database/queryable.ts";
import { sqlValues } from "../database/sql-values.ts";
import type { JobFilter } from "../job/job-filter.ts";
import type { JobSummary } from "../job/job-summary.ts";
import { summaryColumnsSql, toJobSummary } from "./job-columns.ts";
import { jobWindow, type JobRange } from "./job-window.ts";

export interface ListedJobs {
  readonly jobs: readonly JobSummary[];
  /** The number after which the next page begins. */
  readonly next: string | undefined;
}

/**
 * One statement, so that the page and the end of what it has looked at are of one moment: a job that is added between two
 * would be in neither page.
 */
export async function listJobs(db: Queryable, filter: JobFilter, page: JobRange & { readonly limit: number }) {
  const sql = sqlValues();
  const { from, where, lookedTo } = jobWindow(filter, page, sql);
  const most = sql.put(page.limit, "int");
  const [row] = await queryMigrated(
    db,
    `with page as materialized (
       select ${summaryColumnsSql}, job.id as place from ${from} where ${where} order by job.id limit ${most} + 1
     )
     select coalesce((select json_agg(page order by place) from page), '[]')::text as jobs,
       case when (select count(*) from page) <= ${most} then ${lookedTo} end::text as looked_to`,
    sql.values,
  );
  return toPage(row, page.limit);
}

function toPage(row: Row | undefined, limit: number): ListedJobs {
  const jobs = (JSON.parse(String(row?.["jobs"])) as Row[]).map(toJobSummary);
  const listed = jobs.slice(0, limit);
  const lookedTo = (row?.["looked_to"] as string | null) ?? undefined;
  return { jobs: listed, next: jobs.length > limit ? listed.at(-1)?.jobId : lookedTo };
}

export interface CountedJobs {
  readonly count: number;
  /** The number after which the next window begins. */
  readonly next: string | undefined;
}

/** Counts the jobs of one window that fit the filter. */
export async function countJobs(db: Queryable, filter: JobFilter, range: JobRange): Promise<CountedJobs> {
  const sql = sqlValues();
  const { from, where, lookedTo } = jobWindow(filter, range, sql);
  const [row] = await queryMigrated(
    db,
    `select (select count(*) from ${from} where ${where})::int as count, ${lookedTo}::text as looked_to`,
    sql.values,
  );
  return { count: Number(row?.["count"]), next: (row?.["looked_to"] as string | null) ?? undefined };
}

/** The greatest number of a job. Jobs that come later have greater ones. */
export async function lastJobId(db: Queryable): Promise<string> {
  const [row] = await queryMigrated(
    db,
    "select job.id::text from graphile_worker.jobs as job order by job.id desc limit 1",
  );
  return (row?.["id"] as string | undefined) ?? "0";
}
