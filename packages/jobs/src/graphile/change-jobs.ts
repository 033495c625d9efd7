import { queryMigrated } from "../database/missing-tables.ts";
import type { Queryable } from "../database/queryable.ts";
import { sqlValues, type SqlValues } from "../database/sql-values.ts";
import type { JobFilter } from "../job/job-filter.ts";
import { idFlagPrefix, idOfJob, isNoteOfJobSql } from "./add-jobs.ts";
import type { JobPlace } from "./find-job.ts";
import { unchangedSql } from "./job-locks.ts";
import { jobWindow, type JobRange } from "./job-window.ts";

/** What to do with free jobs. */
export type JobChange = { readonly kind: "discard" } | { readonly kind: "reschedule"; readonly runAt: Date | "now" };

/** Which jobs a batch is taken from: the next ones of a filter, or certain ones. */
export type BatchSource =
  { readonly filter: JobFilter; readonly range: JobRange } | { readonly places: readonly JobPlace[] };

export interface ChangedJobs {
  /** How many fitted. */
  readonly matchedCount: number;
  readonly changedCount: number;
  /** What is to happen with these after their last attempt is noted, and not done yet. They were left alone. */
  readonly unsettled: readonly JobPlace[];
  /** The number after which the next batch begins. */
  readonly next: string | undefined;
}

export const batchSize = 500;

/**
 * Changes one batch, in one statement: a job is taken only if it is as it was when it was read, and no worker has it. A job that
 * somebody else has locked is left out, so this waits for nobody, and a worker either finds the job as it was, or changed.
 *
 * If a note says what is to happen with a job, its time is not changed: whoever settles the note would change it once more.
 */
export async function changeJobs(db: Queryable, change: JobChange, source: BatchSource): Promise<ChangedJobs> {
  const sql = sqlValues();
  const { from, where, lookedTo } = windowOf(source, sql);
  const { isChangeable, call, also } = change.kind === "discard" ? discarding : rescheduling(change.runAt, sql);
  const [row] = await queryMigrated(
    db,
    `with matched as materialized (
       select job.id, job.revision, job.attempts, job.run_at, job.flags::text as flags,
         job.locked_at is null and ${isChangeable} as is_changeable, coalesce(not note.is_settled, false) as is_noted
       from ${from} where ${where} order by job.id limit ${batchSize}
     ),
     chosen as materialized (
       select job.id from matched as job ${unchangedSql("job")} where job.is_changeable
     ),
     changed as materialized (
       select job.id from (select array_agg(id order by id) as ids from chosen) as batch cross join lateral ${call} as job
     )
     ${also}
     select (select count(*) from matched)::int as matched_count, (select count(*) from changed)::int as changed_count,
       (select jsonb_agg(jsonb_build_object('jobId', id::text, 'flags', flags)) from matched where is_noted and not is_changeable)::text as unsettled,
       case when (select count(*) from matched) < ${batchSize} then ${lookedTo} else (select max(id) from matched) end::text as next`,
    sql.values,
  );
  return {
    matchedCount: Number(row?.["matched_count"]),
    changedCount: Number(row?.["changed_count"]),
    unsettled: toPlaces(row?.["unsettled"]),
    next: (row?.["next"] as string | null) ?? undefined,
  };
}

/** By their ids, because a newer job may take the key of one, and with it the number, before the next look. */
function toPlaces(unsettled: unknown): JobPlace[] {
  const found = JSON.parse(typeof unsettled === "string" ? unsettled : "[]") as {
    readonly jobId: string;
    readonly flags: string | null;
  }[];
  return found.map(({ jobId, flags }) => ({ jobId, id: idOfJob(flags) }));
}

function windowOf(source: BatchSource, sql: SqlValues) {
  if ("filter" in source) return jobWindow(source.filter, source.range, sql);
  const jobIds = sql.put(
    source.places.map(({ jobId }) => jobId),
    "bigint[]",
  );
  const flags = sql.put(
    source.places.map(({ id }) => (id === undefined ? null : idFlagPrefix + id)),
    "text[]",
  );
  return {
    from: `unnest(${jobIds}, ${flags}) as asked (job_id, flag)
      join graphile_worker.jobs as job on job.id = asked.job_id and (asked.flag is null or job.flags ? asked.flag)
      left join acme_jobs.failures as note on note.job_id = job.id and ${isNoteOfJobSql}`,
    where: "true",
    lookedTo: "null",
  };
}

interface ChangeSql {
  readonly isChangeable: string;
  readonly call: string;
  /** What else belongs to it. */
  readonly also: string;
}

const discarding: ChangeSql = {
  isChangeable: "true",
  call: "graphile_worker.complete_jobs(batch.ids)",
  // Not a join, for which the planner would read all notes.
  also: ", forgotten as (delete from acme_jobs.failures where job_id = any(array(select id from changed)))",
};

function rescheduling(runAt: Date | "now", sql: SqlValues): ChangeSql {
  const time = runAt === "now" ? "now()" : sql.put(runAt.toISOString(), "timestamptz");
  return {
    // A job without attempts would not run at any time. One that is due already keeps its place.
    isChangeable: `job.attempts < job.max_attempts and coalesce(note.is_settled, true)
      and job.run_at ${runAt === "now" ? ">" : "<>"} ${time}`,
    call: `graphile_worker.reschedule_jobs(batch.ids, run_at := ${time})`,
    also: "",
  };
}

/** Workers would find rescheduled jobs only by their next poll. */
export async function announceJobs(db: Queryable, count: number): Promise<void> {
  await db.query("select pg_notify('jobs:insert', json_build_object('count', $1::int)::text)", [count]);
}
