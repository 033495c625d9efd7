/** What a worker says about itself. */
export interface WorkerAbout {
  readonly host: string;
  readonly pid: number;
  /** The option `name` of its `startWorker`. */
  readonly name: string | undefined;
  /** The version of `@acme/jobs`. */
  readonly version: string;
  /** The version of Node. */
  readonly node: string;
  readonly concurrency: number;
  readonly tasks: readonly string[];
}

/** A worker that has not stopped, as the jobs database knows it. */
export interface WorkerInfo {
  readonly poolId: string;
  readonly isAlive: boolean;
  readonly startedAt: Date;
  readonly heartbeatAt: Date;
  /** `undefined` for a worker of an older version. */
  readonly about: WorkerAbout | undefined;
  /** How many jobs it runs. `undefined` for a worker of an older version. */
  readonly running: number | undefined;
  /** How many jobs it has locked: those that it runs, and those that it runs next. */
  readonly lockedCount: number;
}
