import type { Pool } from "pg";
import { JobsError } from "./errors.ts";
import type { WorkerExtras } from "./worker/worker-dependencies.ts";
import type { WorkerOptions } from "./worker/worker-options.ts";
import type { Worker } from "./worker/worker.ts";

/**
 * The key of what the test helpers need besides the public interface. A global symbol, because ESM and CJS builds may
 * meet.
 */
export const internals = Symbol.for("@acme/jobs:1:internals");

export interface JobsInternals {
  readonly jobsPool: () => Pool;
  readonly outboxPool: (() => Pool) | undefined;
  /** Whether there is a connection to the jobs. Without one, `jobsPool` throws. */
  readonly hasJobs: boolean;
  /** Whether jobs are known to be in the database of the outbox. Then `enqueue` writes them there itself. */
  readonly isOneDatabase: () => boolean;
  /** As `startWorker` of `Jobs`, and tells what becomes of each attempt. */
  readonly startWorker: (options: WorkerOptions, extras: WorkerExtras) => Promise<Worker>;
}

/** @throws {@link JobsError} `OPTIONS_INVALID` for what `createJobs()` has not made. */
export function internalsOf(jobs: object): JobsInternals {
  const found = (jobs as { readonly [internals]?: JobsInternals } | undefined)?.[internals];
  if (found !== undefined) return found;
  throw new JobsError("OPTIONS_INVALID", "This takes what createJobs() has returned.");
}
