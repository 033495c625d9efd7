/** A named queue that has jobs. */
export interface QueueInfo {
  readonly queue: string;
  /** How many jobs it has; at least so many if the page `isCapped`. */
  readonly count: number;
  /** How many of them are due or locked. */
  readonly dueCount: number;
  /** Milliseconds since its oldest due job became due; `0` when none is. */
  readonly oldestDueAgeMs: number;
  /** The job that a worker has, or else the one that is next. */
  readonly headJobId: string;
  readonly headTask: string;
  /** Since when a worker has a job of the queue. */
  readonly lockedAt: Date | null;
  /** `poolId` of that worker. */
  readonly lockedBy: string | null;
}

/** Named queues, by name. */
export interface QueuePage {
  readonly queues: readonly QueueInfo[];
  /** Give it as `after` to get the next page. `undefined` if there is none. */
  readonly next: string | undefined;
  /** Whether there are more jobs than were looked at, the oldest 200,000: counts are minima then, and queues may be missing. */
  readonly isCapped: boolean;
}
