import type { Row } from "../database/queryable.ts";
import type { JobState, JobSummary } from "../job/job-summary.ts";
import { originOf } from "../job/origin.ts";
import { idOfJob } from "./add-jobs.ts";
import { ownMessages } from "./engine-errors.ts";

/** Our own texts have no quotes. */
const ownMessagesSql = `array['${ownMessages.join("','")}']`;
const isFailedElsewhereSql = `coalesce(job.last_error <> all(${ownMessagesSql}), false)`;
const lastNotedSql = "note.errors -> -1";

/** All over the columns of `job`, and of `note`, which is its note or null. */
export const stateSql = `case
  when job.locked_at is not null then 'locked'
  when job.attempts >= job.max_attempts then 'failed'
  when job.run_at <= now() then 'due'
  else 'scheduled'
end`;
export const hasFailedSql = `(${isFailedElsewhereSql}
  or coalesce(not ((${lastNotedSql}) ? 'isBeforeRetry'), false))`;
/** Each failure that we note puts one of our own texts into the row. So another text is newer than the note. */
export const lastErrorSql = `case
  when ${isFailedElsewhereSql} then job.last_error
  when ${hasFailedSql} then ${lastNotedSql} ->> 'message'
end`;

/** As text and numbers, because the formats depend on the session and the driver. */
const ms = (time: string) => `(extract(epoch from ${time}) * 1000)::float8`;

export const summaryColumnsSql = `
  job.id::text as "jobId", job.task_identifier as task, ${stateSql} as state, ${hasFailedSql} as "hasFailed",
  job.queue_name as queue, job.key, job.priority, ${ms("job.run_at")} as "runAt", ${ms("job.created_at")} as "enqueuedAt",
  job.attempts, ${lastErrorSql} as "lastError", ${ms("job.locked_at")} as "lockedAt", job.locked_by as "lockedBy",
  job.flags::text as flags`;

/** @param row - Of {@link summaryColumnsSql}, as JSON. */
export function toJobSummary(row: Row): JobSummary {
  const flags = row["flags"] as string | null;
  return {
    id: idOfJob(flags),
    jobId: row["jobId"] as string,
    task: row["task"] as string,
    state: row["state"] as JobState,
    hasFailed: row["hasFailed"] as boolean,
    queue: row["queue"] as string | null,
    key: row["key"] as string | null,
    priority: row["priority"] as number,
    runAt: new Date(row["runAt"] as number),
    enqueuedAt: new Date(row["enqueuedAt"] as number),
    attempts: row["attempts"] as number,
    lastError: row["lastError"] as string | null,
    lockedAt: row["lockedAt"] === null ? null : new Date(row["lockedAt"] as number),
    lockedBy: row["lockedBy"] as string | null,
    origin: originOf(flags) ?? {},
  };
}
