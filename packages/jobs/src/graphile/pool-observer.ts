import type { HeldJob } from "./holding.ts";

/** What a pool has just written about jobs: they are free, or gone, from now on. */
export interface ReleasedJobs {
  readonly how: "completed" | "failed" | "returned";
  readonly jobs: readonly HeldJob[];
}

/** How something ended that went wrong. */
export interface Failure {
  readonly error: unknown;
}

/** Is told what happens between a pool of Graphile Worker and the jobs database, as it happens. */
export interface PoolObserver {
  /** The pool may fetch jobs once this has resolved. Asked with the id of the pool before its first fetch. */
  beforeFirstFetch(poolId: string): Promise<void>;
  /** A fetch begins; the result is called with its end. After an error some jobs may be locked without the pool's knowing. */
  onFetch(): (failure?: Failure) => void;
  /** These failed jobs are about to be released. Asked again if that is repeated. */
  beforeFailing(jobIds: readonly string[]): Promise<void>;
  /** What became of jobs could not be written and is tried again. The result is called with each failure, and once it is written. */
  onWriteFailed(): (failure?: Failure) => void;
  onReleased(released: ReleasedJobs): void;
  /** Runs of these jobs have ended, and nothing of that was written: their locks had gone. */
  onDisowned(jobIds: readonly string[]): void;
  /** Graphile Worker is another one than this package was written for. */
  onUnknownEngine(error: unknown): void;
  /** The pool could not write what became of a job. It fetches no more. */
  onFatal(error: unknown): void;
}
