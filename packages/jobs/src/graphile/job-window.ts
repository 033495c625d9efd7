import type { SqlValues } from "../database/sql-values.ts";
import type { JobFilter } from "../job/job-filter.ts";
import { isNoteOfJobSql } from "./add-jobs.ts";
import { hasFailedSql, lastErrorSql, stateSql } from "./job-columns.ts";

/** Which jobs a statement looks at: numbers above `after`, and not above `upTo`. */
export interface JobRange {
  readonly after: string;
  readonly upTo?: string | undefined;
}

/** What a statement looks at, and what it takes of that. */
export interface JobWindow {
  /** The tables `job` and `note`. */
  readonly from: string;
  readonly where: string;
  /** The number up to which the window looks, or null if it looks at all that is left. */
  readonly lookedTo: string;
}

/** What is looked through by number, and how many of it. */
interface Source {
  readonly id: string;
  readonly table: string;
  readonly most: number;
}

/** There is no index for what one filters by. To look at so many takes a tenth of a second. */
const jobs: Source = { id: "id", table: "graphile_worker.jobs", most: 50_000 };
/** Fewer, because each is looked up among the jobs. */
const notes: Source = { id: "job_id", table: "acme_jobs.failures", most: 10_000 };

/** The jobs of the range that fit the filter, as parts of a statement. Limited in what it looks at, not only in what it finds. */
export function jobWindow(filter: JobFilter, { after, upTo }: JobRange, sql: SqlValues): JobWindow {
  const from = sql.put(after, "bigint");
  const to = upTo === undefined ? "" : `and %id <= ${sql.put(upTo, "bigint")}`;
  const rows = (columns: string, { id, table, most }: Source) =>
    `(select ${columns} from ${table} where ${id} > ${from} ${to.replace("%id", id)} order by ${id} limit ${most})`;
  const lookedTo = (source: Source) =>
    `(select max(${source.id}) from ${rows(source.id, source)} as looked having count(*) = ${source.most})`;

  if (filter.key !== undefined) {
    // At most one job has it, and Graphile Worker finds it by an index: there is nothing to look through.
    const key = sql.put(filter.key, "text");
    return {
      from: `(select * from graphile_worker.jobs where key = ${key} and id > ${from} ${to.replace("%id", "id")}) as job
        left join acme_jobs.failures as note on note.job_id = job.id and ${isNoteOfJobSql}`,
      where: conditions(filter, sql),
      lookedTo: "null",
    };
  }
  if (filter.hasFailed === true) {
    return {
      // One lookup for each: with a join, the planner would rather read all jobs.
      from: `${rows("*", notes)} as note
        join lateral (select * from graphile_worker.jobs where id = note.job_id offset 0) as job on ${isNoteOfJobSql}`,
      where: conditions(filter, sql),
      lookedTo: lookedTo(notes),
    };
  }
  return {
    from: `${rows("*", jobs)} as job
      left join acme_jobs.failures as note on note.job_id = job.id and ${isNoteOfJobSql}`,
    where: conditions(filter, sql),
    lookedTo: lookedTo(jobs),
  };
}

function conditions(filter: JobFilter, sql: SqlValues): string {
  const { task, state, hasFailed, queue, key, error, enqueuedBefore, enqueuedAfter } = filter;
  const parts = ["true"];
  if (task !== undefined) parts.push(`job.task_identifier = ${sql.put(task, "text")}`);
  if (state !== undefined) parts.push(`${stateSql} = ${sql.put(state, "text")}`);
  if (hasFailed !== undefined) parts.push(hasFailed ? hasFailedSql : `not ${hasFailedSql}`);
  if (queue !== undefined) parts.push(`job.queue_name = ${sql.put(queue, "text")}`);
  if (key !== undefined) parts.push(`job.key = ${sql.put(key, "text")}`);
  // Not LIKE, to which % and _ mean something.
  if (error !== undefined) parts.push(`strpos(lower(${lastErrorSql}), lower(${sql.put(error, "text")})) > 0`);
  if (enqueuedBefore) parts.push(`job.created_at < ${sql.put(enqueuedBefore.toISOString(), "timestamptz")}`);
  if (enqueuedAfter) parts.push(`job.created_at > ${sql.put(enqueuedAfter.toISOString(), "timestamptz")}`);
  return parts.join(" and ");
}
