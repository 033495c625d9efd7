import type { Job as GraphileJob } from "graphile-worker";
import { originOf, type Origin } from "../job/origin.ts";
import { idOfJob } from "./add-jobs.ts";

/** A job as Graphile Worker hands it to a run. */
export interface LockedJob {
  readonly jobId: string;
  readonly task: string;
  /** How often the job has been locked, which is Graphile Worker's count of attempts. */
  readonly lockCount: number;
  /** The pool that has locked it. */
  readonly lockedBy: string | undefined;
  readonly payload: unknown;
  /** Whether the job is in a named queue. */
  readonly isQueued: boolean;
  /** Whether a newer job has taken the key since the fetch. Missing if the job has no key. */
  readonly isSuperseded: (() => false | Promise<boolean>) | undefined;
  /** Whether the pool has lost this lock, and has the job again by now. Missing if that is not known. */
  readonly isDisowned?: (() => boolean) | undefined;
  /** The id that `enqueue` made. A job that plain SQL has added has none. */
  readonly id: string | undefined;
  /** The request and the event that the job comes from. */
  readonly origin: Origin | undefined;
  /** When the job was due, by `performance.now()`. */
  readonly dueAt: number | undefined;
}

/** The row of a fetch says in how many seconds the job is due. */
interface FetchedRow {
  readonly due_in?: number;
}

/** What is known of a job besides its row. */
export interface FetchedJob {
  readonly isSuperseded: LockedJob["isSuperseded"];
  readonly isDisowned?: LockedJob["isDisowned"];
  /** When its fetch began, by `performance.now()`. */
  readonly askedAt: number | undefined;
}

export function toLockedJob(job: GraphileJob, { isSuperseded, isDisowned, askedAt }: FetchedJob): LockedJob {
  const { due_in: dueIn } = job as FetchedRow;
  // Text, because the fetch leaves flags unparsed, whatever Graphile Worker's types say.
  const flags = job.flags as unknown as string | null;
  return {
    jobId: job.id,
    task: job.task_identifier,
    lockCount: job.attempts,
    lockedBy: job.locked_by ?? undefined,
    payload: job.payload,
    isQueued: job.job_queue_id !== null,
    isSuperseded: job.key === null ? undefined : isSuperseded,
    isDisowned,
    id: idOfJob(flags),
    origin: originOf(flags),
    dueAt: askedAt === undefined || dueIn === undefined ? undefined : askedAt + dueIn * 1_000,
  };
}
