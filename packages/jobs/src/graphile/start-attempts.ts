import { isTrue } from "@acme/shared/is-true";
import type { Queryable } from "../database/queryable.ts";
import { withoutSync, type FailedAttempt } from "./failure-notes.ts";

export interface StartedAttempt {
  /** The attempt as the task sees it. */
  readonly attempt: number;
  /**
   * The job was fetched before the note on its last attempt was settled, because its worker died in between, or the database was
   * down for longer than Graphile Worker's own delay. The job must not run now: it may be too early, or its last attempt was
   * used. The note is moved to this lock, and is settled when the job is released.
   */
  readonly isTooEarly: boolean;
  /** The job was taken from the run before its code began, because its worker was away for too long. */
  readonly isTaken: boolean;
}

/** A run that is not of the first lock of its job. */
export interface RepeatedRun extends Pick<FailedAttempt, "jobId" | "idempotencyKey" | "lockCount"> {
  /** The pool that has locked the job for this run. Missing if its locks were taken from it on purpose. */
  readonly lockedBy?: string | undefined;
}

/**
 * Records that the code of these runs begins, in case their worker dies. Nothing is recorded of a run whose job was taken from
 * it: others say what happens there.
 */
export async function startAttempts(db: Queryable, runs: readonly RepeatedRun[]): Promise<StartedAttempt[]> {
  const { rows } = await db.query(
    `with relaxed as materialized (${withoutSync}),
     run as materialized (
       select given.*, "lockedBy" is null or exists (
         select from graphile_worker._private_jobs as job
         where job.id = "jobId" and job.locked_by = "lockedBy"
       ) as is_own
       from jsonb_to_recordset($1::jsonb) as given
         (place int, "jobId" bigint, "lockCount" int, "idempotencyKey" text, "lockedBy" text)
     ),
     started as (
       update acme_jobs.failures as note set
         attempt = case when attempt = "lockCount" - 1 and not is_settled then "lockCount" else attempt end,
         started_attempt = case
           when attempt in ("lockCount" - 1, "lockCount") and not is_settled then started_attempt else "lockCount"
         end,
         updated_at = clock_timestamp()
       from relaxed cross join run
       where is_own and job_id = "jobId" and idempotency_key = "idempotencyKey"
       returning place, attempt = "lockCount" and not is_settled as is_too_early, uncounted
     )
     select is_own, is_too_early, uncounted from run left join started using (place) order by place`,
    [JSON.stringify(runs.map(toStart))],
  );
  return runs.map(({ lockCount }, place) => ({
    attempt: lockCount - Number(rows[place]?.["uncounted"] ?? 0),
    isTooEarly: isTrue(rows[place]?.["is_too_early"]),
    isTaken: !isTrue(rows[place]?.["is_own"]),
  }));
}

function toStart({ jobId, lockCount, idempotencyKey, lockedBy }: RepeatedRun, place: number) {
  return { place, jobId, lockCount, idempotencyKey, lockedBy };
}
