import type { DeadLetter } from "../dead-letters/dead-letter.ts";
import type { AttemptError, JobSummary } from "../job/job-summary.ts";
import type { OutboxRow } from "../outbox/outbox-rows.ts";

/** Jobs, by their numbers in ascending order. */
export interface JobPage {
  /** May be fewer than `limit` although there is a `next`, since a page looks at a limited number of jobs. */
  readonly jobs: readonly JobSummary[];
  /** Give it as `after` to get the next page. `undefined` if there is none. */
  readonly next: string | undefined;
}

/** One job, and where it is. */
export type JobDetails =
  | { readonly in: "queue"; readonly job: JobSummary; readonly errors: readonly AttemptError[] }
  | { readonly in: "outbox"; readonly row: OutboxRow }
  | { readonly in: "deadLetters"; readonly letter: Omit<DeadLetter, "payload"> };
