import { queryMigrated } from "../database/missing-tables.ts";
import type { Queryable } from "../database/queryable.ts";
import { isNoteOfJobSql, supersededFrom } from "./add-jobs.ts";
import { moveToDeadLettersSql } from "./move-to-dead-letters.ts";
import { ownMessages } from "./engine-errors.ts";

const moveSql = moveToDeadLettersSql({
  condition: `job.attempts >= job.max_attempts
      and (job.max_attempts < ${supersededFrom} or job.last_error is not null and job.last_error <> all($1::text[]))
      -- What is noted of its last attempt comes first. A note of another attempt, or of the job whose key it took, is never settled.
      and not exists (
        select from acme_jobs.failures as note
        where note.job_id = job.id and not note.is_settled and note.attempt = job.attempts and ${isNoteOfJobSql}
      )`,
  reason: `'Failed for good by somebody else: ' || coalesce(lost.last_error, 'without a reason')`,
});

/**
 * Makes dead letters of jobs whose attempts were used up by something else, for example by Graphile Worker's
 * `permanently_fail_jobs`: no worker would fetch them again.
 *
 * @returns how many there were, by task
 */
export async function moveJobsFailedByOthers(db: Queryable): Promise<ReadonlyMap<string, number>> {
  const rows = await queryMigrated(db, moveSql, [ownMessages]);
  return new Map(rows.map((row) => [String(row["task"]), Number(row["count"])]));
}
