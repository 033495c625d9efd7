import { isTrue } from "@acme/shared/is-true";
import { queryMigrated } from "../database/missing-tables.ts";
import type { Queryable } from "../database/queryable.ts";
import type { AttemptError, JobSummary } from "../job/job-summary.ts";
import { idFlagPrefix, isNoteOfJobSql, numberInPlainIdSql, plainIdSql } from "./add-jobs.ts";
import { summaryColumnsSql, toJobSummary } from "./job-columns.ts";

export interface FoundJob {
  readonly job: JobSummary;
  readonly errors: readonly AttemptError[];
}

export async function findJob(db: Queryable, { jobId, id }: JobPlace): Promise<FoundJob | undefined> {
  const [row] = await queryMigrated(
    db,
    `select to_json(found)::text as found from (
       select ${summaryColumnsSql}, coalesce(note.errors, '[]') as errors
       from graphile_worker.jobs as job
       left join acme_jobs.failures as note on note.job_id = job.id and ${isNoteOfJobSql}
       where job.id = $1::bigint and ($2::text is null or job.flags ? $2)
     ) as found`,
    [jobId, id === undefined ? null : idFlagPrefix + id],
  );
  if (row === undefined) return undefined;
  const found = JSON.parse(String(row["found"])) as { errors: AttemptError[] };
  return { job: toJobSummary({ ...found }), errors: found.errors };
}

/** Where a job is found. The number alone may belong to a newer job by now, which has replaced the other through its key. */
export interface JobPlace {
  readonly jobId: string;
  /** What `enqueue` returned. */
  readonly id?: string | undefined;
}

/** Finds jobs by an index: those that have failed, and those that plain SQL has added. */
export async function placesByIndex(db: Queryable, ids: readonly string[]): Promise<ReadonlyMap<string, JobPlace>> {
  const rows = await queryMigrated(
    db,
    `select note.idempotency_key as id, job.id::text as "jobId", job.flags ? ('${idFlagPrefix}' || note.idempotency_key) as flagged
     from acme_jobs.failures as note join graphile_worker.jobs as job on job.id = note.job_id and ${isNoteOfJobSql}
     where note.idempotency_key = any($1::text[])
     union
     select asked.id, job.id::text, false
     from unnest($1::text[]) as asked (id)
     join graphile_worker.jobs as job on job.id = ${numberInPlainIdSql}
     where asked.id = ${plainIdSql}
       and not exists (select from jsonb_object_keys(job.flags) as flag where flag like '${idFlagPrefix}%')`,
    [ids],
  );
  return new Map(
    rows.map((row) => {
      const [id, jobId] = [String(row["id"]), String(row["jobId"])];
      return [id, { jobId, id: isTrue(row["flagged"]) ? id : undefined }];
    }),
  );
}

/** Finds jobs by their flags, which have no index: looks at all jobs if it must. */
export async function placesByScan(db: Queryable, ids: readonly string[]): Promise<ReadonlyMap<string, JobPlace>> {
  // Of one id, the scan ends where it is found.
  const [only] = ids;
  const text =
    ids.length === 1
      ? "select $1::text as flag, id::text as job_id from graphile_worker.jobs where flags ? $1::text limit 1"
      : `select flag, job.id::text as job_id from graphile_worker.jobs as job
         cross join lateral jsonb_object_keys(job.flags) as flag where flag = any($1::text[])`;
  const value = ids.length === 1 ? `${idFlagPrefix}${only}` : ids.map((id) => idFlagPrefix + id);
  const rows = await queryMigrated(db, text, [value]);
  return new Map(
    rows.map((row) => {
      const id = String(row["flag"]).slice(idFlagPrefix.length);
      return [id, { jobId: String(row["job_id"]), id }];
    }),
  );
}
