/** A median, and what one in twenty exceeds, in milliseconds. */
export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
}

/** How one task does. */
export interface TaskStatistics {
  readonly task: string;
  readonly due: number;
  readonly scheduled: number;
  readonly locked: number;
  /** How many dead letters of the task there are. */
  readonly dead: number;
  /** Milliseconds since the oldest due job became due; `0` when none is. */
  readonly oldestDueAgeMs: number;
  /** Attempts a minute that succeeded, over the last five whole minutes. */
  readonly donePerMinute: number;
  /** Attempts a minute that failed, over the last five whole minutes. */
  readonly failedPerMinute: number;
  /** How long attempts ran in the last hour. `undefined` if there were none. */
  readonly runMs: Percentiles | undefined;
  /** How long due jobs waited for their attempt in the last hour. `undefined` if there were none. */
  readonly waitMs: Percentiles | undefined;
  /** When a worker has last said that it knows the task. */
  readonly knownAt: Date | undefined;
  /** Whether a living worker knows the task. */
  readonly isKnownByWorker: boolean;
}
