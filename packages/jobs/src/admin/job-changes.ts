import type { ChangeOptions } from "../change-in-batches.ts";
import type { JobFilter } from "../job/job-filter.ts";

/** Which jobs to change: those with these ids, or those that fit the filter. An empty filter means all. */
export type JobSelection =
  | {
      /** 1 to 1,000 ids: what `enqueue` returned, or `jobId`. */
      readonly ids: readonly string[];
    }
  | JobFilter;

/** Until when to put jobs off. */
export interface PutOffOptions extends ChangeOptions {
  /** From 1970 to 9999. */
  readonly until: Date;
}
