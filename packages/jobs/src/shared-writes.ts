import type { JobRequest } from "./job/job-request.ts";

/** Writes one job, together with those of other callers. Resolves when it is committed. */
export type WriteShared = (request: JobRequest) => Promise<void>;

interface Waiting {
  readonly request: JobRequest;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const mostTogether = 500;
/** So long a job waits for the statement before it. If that one hangs, it harms no other. */
const longestWaitMs = 20;

/**
 * Jobs that are enqueued in one tick, or while a statement is on its way, share the next statement. A job that is alone waits for
 * nobody.
 *
 * @param write - Writes all of them, or none.
 */
export function shareWrites(write: (requests: readonly JobRequest[]) => Promise<unknown>): WriteShared {
  let waiting: Waiting[] = [];
  let isPlanned = false;
  let before: Promise<void> | undefined;

  /** Of what the database refuses, each job by itself gets its error, and the others are written. */
  const writeTogether = async (jobs: readonly Waiting[]): Promise<void> => {
    try {
      await write(jobs.map(({ request }) => request));
    } catch (error) {
      if (jobs.length > 1 && isRefusal(error)) {
        const half = Math.ceil(jobs.length / 2);
        await writeTogether(jobs.slice(0, half));
        return writeTogether(jobs.slice(half));
      }
      for (const { reject } of jobs) reject(error);
      return;
    }
    for (const { resolve } of jobs) resolve();
  };

  const writeNext = async () => {
    await (before && settledWithin(longestWaitMs, before));
    const jobs = waiting.slice(0, mostTogether);
    waiting = waiting.slice(mostTogether);
    isPlanned = false;
    const writing = writeTogether(jobs).finally(() => {
      if (before === writing) before = undefined;
    });
    before = writing;
    if (waiting.length > 0) plan();
  };

  const plan = () => {
    if (isPlanned) return;
    isPlanned = true;
    void writeNext();
  };

  return (request) =>
    new Promise((resolve, reject) => {
      waiting.push({ request, resolve, reject });
      plan();
    });
}

/** One that another transaction can hold up shares nothing: a key that somebody has locked, a new name of a queue. */
export function mayShare({ settings: { key, queue } }: JobRequest): boolean {
  return key === null && queue === null;
}

/** Conflicts, want of resources and timeouts say nothing about a single job. */
const notAboutAJob = /^(40|53|57)/;

/**
 * Whether PostgreSQL has refused the statement, perhaps because of one job: nothing of it was written then. Of an error that ends the
 * connection nobody knows that.
 */
function isRefusal(error: unknown): boolean {
  const { severity, code } = error as { readonly severity?: unknown; readonly code?: unknown };
  return severity === "ERROR" && !notAboutAJob.test(String(code));
}

function settledWithin(ms: number, work: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    void work.finally(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
