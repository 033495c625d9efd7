import type { DeadLetter, DeadLetterFilter } from "../../dead-letters/dead-letter.ts";
import type { AttemptError } from "../../job/job-summary.ts";
import { originOfJob, type MemoryJob } from "./memory-job.ts";

/** A dead letter in memory. */
export interface MemoryLetter {
  readonly id: string;
  readonly task: string;
  /** As JSON. */
  readonly payload: string;
  readonly queue: string | null;
  readonly key: string | null;
  readonly priority: number;
  readonly flags: string | null;
  readonly enqueuedAt: number;
  readonly attempts: number;
  readonly reason: string;
  readonly errors: readonly AttemptError[];
  /** In microseconds: no two are the same. */
  readonly diedAt: number;
}

/** How a job has ended. */
export type LetterEnd = Pick<MemoryLetter, "attempts" | "reason" | "diedAt">;

export function toMemoryLetter(job: MemoryJob, end: LetterEnd): MemoryLetter {
  const { id, task, payload, queue, key, priority, flags, enqueuedAt, errors } = job;
  return { id, task, payload, queue, key, priority, flags, enqueuedAt, errors, ...end };
}

export function toDeadLetter({ flags, payload, enqueuedAt, diedAt, ...letter }: MemoryLetter): DeadLetter {
  return {
    ...letter,
    payload: JSON.parse(payload) as unknown,
    enqueuedAt: new Date(enqueuedAt),
    diedAt: new Date(diedAt / 1_000),
    origin: originOfJob({ flags }) ?? {},
    cursor: `${diedAt}/${letter.id}`,
  };
}

export function fitsFilter({ task, error, since, until }: DeadLetterFilter) {
  return (letter: MemoryLetter): boolean =>
    (task === undefined || letter.task === task) &&
    (error === undefined || letter.reason.toLowerCase().includes(error.toLowerCase())) &&
    (since === undefined || letter.diedAt >= since.getTime() * 1_000) &&
    (until === undefined || letter.diedAt < until.getTime() * 1_000);
}
