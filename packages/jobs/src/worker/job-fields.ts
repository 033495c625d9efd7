import type { LockedJob } from "../graphile/locked-job.ts";

/** What the log lines of the worker tell of a job. */
interface JobFields {
  readonly task: string;
  readonly jobId: string;
  id?: string;
  attempt?: number;
  requestId?: string;
  eventId?: string;
}

type LoggedJob = Pick<LockedJob, "task" | "jobId"> & Partial<Pick<LockedJob, "id" | "origin">>;

/** Has no field without a value: a logger might print it. */
export function jobFields({ task, jobId, id, origin }: LoggedJob, attempt?: number): JobFields {
  const fields: JobFields = { task, jobId };
  if (id !== undefined) fields.id = id;
  if (attempt !== undefined) fields.attempt = attempt;
  if (origin?.requestId !== undefined) fields.requestId = origin.requestId;
  if (origin?.eventId !== undefined) fields.eventId = origin.eventId;
  return fields;
}
