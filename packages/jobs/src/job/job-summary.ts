import type { Origin } from "./origin.ts";

/**
 * `"due"`: may begin now. `"scheduled"`: its time is in the future. `"locked"`: a worker has it, and runs it or is about
 * to. `"failed"`: no attempts are left, because a plain Graphile Worker has used them, or a newer job has taken its key.
 */
export type JobState = "due" | "scheduled" | "locked" | "failed";

/** A job in the queue, without its payload. */
export interface JobSummary {
  /** The id that `enqueue` returned. `undefined` for a job that plain SQL has added. */
  readonly id: string | undefined;
  /** Graphile Worker's number of the job. A newer job that replaces it through its key keeps the number. */
  readonly jobId: string;
  readonly task: string;
  readonly state: JobState;
  /** Whether at least one attempt has failed. Attempts from before a `retry` of a dead letter do not count. */
  readonly hasFailed: boolean;
  readonly queue: string | null;
  /** The `key` of the job, prefixed with its task. */
  readonly key: string | null;
  readonly priority: number;
  readonly runAt: Date;
  readonly enqueuedAt: Date;
  /** How often a worker has taken the job. It is the number of its attempts, unless a worker has died. */
  readonly attempts: number;
  /** The message of the last failed attempt. */
  readonly lastError: string | null;
  readonly lockedAt: Date | null;
  /** Whose lock it is: `poolId` of a worker. */
  readonly lockedBy: string | null;
  readonly origin: Origin;
}

/** A failed attempt of a job: the error of its code, or an error of this package, as `WORKER_DIED` if a worker was lost. */
export interface AttemptError {
  readonly attempt: number;
  /** The time of the failure, in ISO 8601. */
  readonly at: string;
  readonly name: string;
  readonly message: string;
  /** Milliseconds that the attempt took. Older versions have not noted it. */
  readonly durationMs?: number;
  /** Only of the last three attempts. */
  readonly stack?: string;
  /** Set if the attempt was before the last `retry` of the dead letter. */
  readonly isBeforeRetry?: true;
}
