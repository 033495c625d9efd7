import type { Job as GraphileJob } from "graphile-worker";
import { idOfJob } from "./add-jobs.ts";

/** A job as Graphile Worker hands it to a run. */
export interface LockedJob {
  readonly jobId: string;
  readonly task: string;
  /** How often it has been locked: Graphile Worker's own count of attempts. */
  readonly lockCount: number;
  readonly payload: unknown;
  /** Whether it is one of a named queue. */
  readonly isQueued: boolean;
  /** Whether a newer job has taken its key since it was fetched; of jobs without a key nobody asks. */
  readonly isSuperseded: (() => false | Promise<boolean>) | undefined;
  /** The id `enqueue` gave it; a job added by plain SQL has none. */
  readonly id: string | undefined;
}

export function toLockedJob(job: GraphileJob, isSuperseded: LockedJob["isSuperseded"]): LockedJob {
  return {
    jobId: job.id,
    task: job.task_identifier,
    lockCount: job.attempts,
    payload: job.payload,
    isQueued: job.job_queue_id !== null,
    isSuperseded: job.key === null ? undefined : isSuperseded,
    // Text on our connection, whatever Graphile Worker's types say.
    id: idOfJob(job.flags as unknown as string | null),
  };
}
