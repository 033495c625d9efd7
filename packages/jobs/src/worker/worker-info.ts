import type { WorkerAbout } from "./about-worker.ts";

/** A worker that is registered: one that lives, or a dead one whose jobs are not recovered yet. */
export interface WorkerInfo {
  /** What its jobs are locked by. */
  readonly poolId: string;
  /** Whether it holds its lock, or has shown life within the last three seconds. Others do not recover its jobs then. */
  readonly isAlive: boolean;
  readonly startedAt: Date;
  readonly heartbeatAt: Date;
  /** What it says about itself. `undefined` if it is of a version that does not. */
  readonly about: WorkerAbout | undefined;
  /** How many jobs it ran at its last heartbeat, those that return at once not counted. `undefined` as for `about`. */
  readonly running: number | undefined;
  /**
   * How many jobs it has locked: it runs them, or has fetched them ahead. `undefined` if they were not asked for, or could
   * not be counted in time.
   */
  readonly lockedCount: number | undefined;
}
