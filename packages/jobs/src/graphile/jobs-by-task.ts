import type { Queryable } from "../database/queryable.ts";

/** How many free jobs of a task there are, and since when the first of them is due. */
export interface JobsOfTask {
  readonly task: string;
  readonly due: number;
  readonly scheduled: number;
  /** `0` if none is due. */
  readonly oldestDueMs: number;
}

/** A sample is as good as a count, and costs nothing. */
const samplesSql = `
  select task, due, scheduled,
    coalesce(extract(epoch from sampler.sampled_at - oldest_due_at) * 1000, 0) as "oldestDueMs"
  from acme_jobs.samples cross join acme_jobs.sampler
  where due > 0 or scheduled > 0`;
const isSampledSql = "select from acme_jobs.sampler where sampled_at > clock_timestamp() - interval '2 minutes'";

const countSql = `
  select task_identifier as task, count(*) filter (where run_at <= now()) as due, count(*) filter (where run_at > now()) as scheduled,
    greatest(0, extract(epoch from now() - min(run_at)) * 1000) as "oldestDueMs"
  from graphile_worker.jobs where locked_at is null and attempts < max_attempts
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
  }));
}
