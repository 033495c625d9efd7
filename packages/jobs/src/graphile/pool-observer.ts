import type { HeldJob } from "./holding.ts";

/** Jobs whose end a pool has just written: they are free or gone now. */
export interface ReleasedJobs {
  readonly how: "completed" | "failed" | "returned";
  readonly jobs: readonly HeldJob[];
}

/** Why something has failed. */
export interface Failure {
  readonly error: unknown;
}

/** Is called for everything that happens between a pool of Graphile Worker and the jobs database. */
export interface PoolObserver {
  /** Called before the first fetch, with the id of the pool. The pool may fetch jobs when the promise has resolved. */
  beforeFirstFetch(poolId: string): Promise<void>;
  /**
   * A fetch begins. The returned function is called when it ends. If it fails, jobs may be locked that the pool does
   * not know of.
   */
  onFetch(): (failure?: Failure) => void;
  /** These failed jobs are about to be released. Called again if the release is repeated. */
  beforeFailing(jobIds: readonly string[], poolId: string): Promise<void>;
  /** The end of jobs could not be written and is tried again. The returned function is called for each failure, and when it is written. */
  onWriteFailed(): (failure?: Failure) => void;
  onReleased(released: ReleasedJobs): void;
  /** Runs of these jobs have ended, but nothing was written, because their locks were lost. */
  onDisowned(jobIds: readonly string[]): void;
  /** Graphile Worker is not of the version that this package was written for. */
  onUnknownEngine(error: unknown): void;
  /** The pool could not write the end of a job. It fetches no more jobs. */
  onFatal(error: unknown): void;
}
