import { isTrue } from "@acme/shared/is-true";
import type { Queryable } from "../database/queryable.ts";

/** How many free jobs of a task there are, and since when the first of them is due. */
export interface JobsOfTask {
  readonly task: string;
  readonly due: number;
  readonly scheduled: number;
  /** `0` if none is due. */
  readonly oldestDueMs: number;
  /** Whether there may be more of them. */
  readonly isCapped: boolean;
}

/** A sample is as good as a count, and costs nothing. */
const samplesSql = `
  select task, due, scheduled,
    coalesce(extract(epoch from sampler.sampled_at - oldest_due_at) * 1000, 0) as "oldestDueMs", sampler.is_capped as "isCapped"
  from acme_jobs.samples cross join acme_jobs.sampler
  where due > 0 or scheduled > 0`;
const isSampledSql = "select from acme_jobs.sampler where sampled_at > clock_timestamp() - interval '2 minutes'";

/**
 * Reads no further, since to join a million rows takes a second. The first rows of the table are the oldest for the most part, and
 * this counts only while nobody takes samples: then there is a task without a worker among them.
 */
const mostRead = 100_000;
const countSql = `
  select task_identifier as task, count(*) filter (where run_at <= now()) as due, count(*) filter (where run_at > now()) as scheduled,
    greatest(0, extract(epoch from now() - min(run_at)) * 1000) as "oldestDueMs", sum(count(*)) over () >= ${mostRead} as "isCapped"
  from (
    select task_identifier, run_at from graphile_worker.jobs
    where locked_at is null and attempts < max_attempts limit ${mostRead}
  ) as free
  group by task_identifier`;

/** Free jobs by task: of the last sample, or counted if no worker takes samples. */
export async function freeJobsByTask(db: Queryable): Promise<readonly JobsOfTask[]> {
  const { rows: sampler } = await db.query(isSampledSql);
  const { rows } = await db.query(sampler.length > 0 ? samplesSql : countSql);
  return rows.map((row) => ({
    task: String(row["task"]),
    due: Number(row["due"]),
    scheduled: Number(row["scheduled"]),
    oldestDueMs: Number(row["oldestDueMs"]),
    isCapped: isTrue(row["isCapped"]),
  }));
}
