import type { EnqueuedJob } from "../../job/enqueued-job.ts";
import type { JobRequest } from "../../job/job-request.ts";
import type { AttemptError, JobSummary } from "../../job/job-summary.ts";
import { originOf, type Origin } from "../../job/origin.ts";

/** A job in memory. It is changed in place. */
export interface MemoryJob {
  /** Stays when a newer job replaces it through its key. */
  readonly number: number;
  readonly enqueuedAt: number;
  id: string;
  task: string;
  /** As JSON. */
  payload: string;
  queue: string | null;
  priority: number;
  /** As it is stored, with the task. */
  key: string | null;
  flags: string | null;
  runAt: number;
  /** Those that have begun, and were not put off. */
  attempts: number;
  errors: AttemptError[];
  /** When it was taken to be run. */
  takenAt: number | undefined;
  /** A newer job has taken its key while it ran. */
  isSuperseded: boolean;
}

export function newMemoryJob(number: number, request: JobRequest, at: number): MemoryJob {
  const job = { number, enqueuedAt: at, ...contentOf(request), key: request.settings.key };
  return { ...job, runAt: timeOf(request, at), attempts: 0, errors: [], takenAt: undefined, isSuperseded: false };
}

/** The newer of two jobs with one key, in the place of the older. */
export function replaceJob(job: MemoryJob, request: JobRequest, at: number): void {
  const keepsTime = request.settings.preserveRunAt && job.attempts === 0;
  const runAt = keepsTime ? job.runAt : timeOf(request, at);
  Object.assign(job, contentOf(request), { runAt, attempts: 0, errors: [] } satisfies Partial<MemoryJob>);
}

function contentOf({ id, payload, settings: { task, queue, priority, flags } }: JobRequest) {
  return { id, payload, task, queue, priority: priority ?? 0, flags };
}

function timeOf({ settings: { runAt } }: JobRequest, otherwise: number): number {
  return runAt === null ? otherwise : Date.parse(runAt);
}

/** What the job comes from. */
export function originOfJob({ flags }: Pick<MemoryJob, "flags">): Origin | undefined {
  // Written as an array of PostgreSQL, whose values need no escapes.
  return originOf(flags && JSON.stringify(flags.slice(1, -1).split(",")));
}

export function toEnqueued(job: MemoryJob): EnqueuedJob {
  const { id, task, payload, runAt, queue, priority, attempts } = job;
  const key = job.key === null ? null : job.key.slice(job.key.indexOf(":") + 1);
  return { id, task, payload: JSON.parse(payload) as unknown, runAt: new Date(runAt), queue, key, priority, attempts };
}

export function toSummary(job: MemoryJob, now: number): JobSummary {
  const { id, task, queue, key, priority, attempts, errors, takenAt } = job;
  const waits = job.runAt > now ? "scheduled" : "due";
  return {
    id,
    jobId: String(job.number),
    task,
    state: takenAt === undefined ? waits : "locked",
    hasFailed: errors.some(({ isBeforeRetry }) => isBeforeRetry !== true),
    queue,
    key,
    priority,
    runAt: new Date(job.runAt),
    enqueuedAt: new Date(job.enqueuedAt),
    attempts,
    lastError: errors.at(-1)?.message ?? null,
    lockedAt: takenAt === undefined ? null : new Date(takenAt),
    lockedBy: takenAt === undefined ? null : "memory",
    origin: originOfJob(job) ?? {},
  };
}
