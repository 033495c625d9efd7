import type { JobFilter } from "../job/job-filter.ts";

/** Which jobs to change: those with these ids, or those that fit the filter. An empty filter means all. */
export type JobSelection =
  | {
      /** 1 to 1,000 ids: what `enqueue` returned, or `jobId`. */
      readonly ids: readonly string[];
    }
  | JobFilter;

/** How far a change has come. */
export interface Progress {
  /** How many were changed or skipped. */
  readonly doneCount: number;
  /** How many there were at the start. */
  readonly total: number;
  /** Whether there were more than `total`: it is counted to 10,000, and for two seconds at most. */
  readonly isTotalCapped: boolean;
}

/** How a change of many is stopped and watched. */
export interface ChangeOptions {
  /** Aborted between two batches, the call rejects with the signal's reason. What was changed stays changed. */
  readonly signal?: AbortSignal;
  /** Called after each batch of at most 500. If it throws, the call rejects with its error. */
  readonly onProgress?: (progress: Progress) => void;
}

/** What became of a change. */
export interface ChangeResult {
  readonly changedCount: number;
  /** Those that could not be changed, or needed no change: locked by a worker, gone meanwhile, or due already. */
  readonly skippedCount: number;
}
