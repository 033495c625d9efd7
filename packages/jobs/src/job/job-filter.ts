import type { JobState } from "./job-summary.ts";

/** Which part of a list to return. */
export interface Page {
  /** How many, from 1 to 1,000. Default: 100. */
  readonly limit?: number;
  /** `next` of the page before. Default: from the start. */
  readonly after?: string;
}

/** Which jobs of the queue are meant: those that fit all that is given. An empty filter means all. */
export interface JobFilter {
  readonly task?: string;
  readonly state?: JobState;
  /**
   * `true` finds only what workers of this package have run, and finds it fast, however many jobs there are. Failures of a
   * plain Graphile Worker are found by `error`.
   */
  readonly hasFailed?: boolean;
  /** The name of a named queue. */
  readonly queue?: string;
  /** The stored key, which is prefixed with the task, as `key` of a job in the list. */
  readonly key?: string;
  /** A part of the last error's text, in any case. 1 to 1,000 characters. */
  readonly error?: string;
  readonly enqueuedBefore?: Date;
  readonly enqueuedAfter?: Date;
}
