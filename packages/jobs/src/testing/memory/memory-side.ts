import type { JobDetails } from "../../admin/job-details.ts";
import type { EnqueuedJob } from "../../job/enqueued-job.ts";
import type { DrainOptions, DrainResult } from "../drain-options.ts";

/**
 * The key of what the test helpers need of jobs in memory. A global symbol, because the ESM and the CJS build may meet.
 */
export const memorySide = Symbol.for("@acme/jobs:1:memory");

/** What the test helpers do with jobs in memory instead of asking a database. */
export interface MemorySide {
  /** @param within - Where `tx` is given: its value. */
  list(task: string | null, within: { readonly tx?: unknown }): Promise<EnqueuedJob[]>;
  makeDue(task: string | null): Promise<number>;
  get(id: string): Promise<JobDetails | undefined>;
  drain(options: DrainOptions): Promise<DrainResult>;
}

/** `undefined` for jobs in a database. */
export function memorySideOf(jobs: object): MemorySide | undefined {
  return (jobs as { readonly [memorySide]?: MemorySide } | undefined)?.[memorySide];
}
