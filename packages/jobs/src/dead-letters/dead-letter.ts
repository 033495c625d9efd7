import type { AttemptError } from "../job/job-summary.ts";
import type { Origin } from "../job/origin.ts";

/** A job that has failed for good. */
export interface DeadLetter {
  /** The id that `enqueue` returned, which is the `idempotencyKey` of the job's runs. */
  readonly id: string;
  readonly task: string;
  readonly payload: unknown;
  readonly queue: string | null;
  /** The `key` of the job, prefixed with its task. */
  readonly key: string | null;
  readonly priority: number;
  /** The message of the last error. */
  readonly reason: string;
  readonly attempts: number;
  readonly errors: readonly AttemptError[];
  readonly enqueuedAt: Date;
  readonly diedAt: Date;
  /** What the job came from. */
  readonly origin: Origin;
  /** Its place in the list: that of the last letter of a page is `after` of the next page. */
  readonly cursor: string;
}

/** Which dead letters are meant: those that fit all that is given. An empty filter means all. */
export interface DeadLetterFilter {
  readonly task?: string;
  /** A part of `reason`, in any case. 1 to 1,000 characters. */
  readonly error?: string;
  /** Those that died at this time or later. */
  readonly since?: Date;
  /** Those that died before this time. */
  readonly until?: Date;
}

/** Which page of the dead letters to list. */
export interface DeadLetterPage {
  /** How many, from 1 to 1,000. Default: 100. */
  readonly limit?: number;
  /** `cursor` of the last dead letter of the page before. */
  readonly after?: string;
}

/** Dead letters of one task whose errors differ in numbers and ids at most. */
export interface DeadLetterGroup {
  readonly task: string;
  /** Name and message of the last error. `#` stands for numbers and ids. */
  readonly error: string;
  readonly count: number;
  readonly firstDiedAt: Date;
  readonly lastDiedAt: Date;
}

/** Dead letters by task and error, the largest group first. */
export interface DeadLetterGroups {
  readonly groups: readonly DeadLetterGroup[];
  /** Whether there are more dead letters than were read, the latest 10,000. */
  readonly isCapped: boolean;
}
