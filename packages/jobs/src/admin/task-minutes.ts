/** Which minutes to return. */
export interface MinutesOptions {
  /** Milliseconds to look back, at most 8 hours. Default: 1 hour. */
  readonly sinceMs?: number;
  readonly task?: string;
}

/** What became of attempts of one task in one minute. */
export interface TaskMinute {
  /** The beginning of the minute. */
  readonly minute: Date;
  readonly task: string;
  readonly done: number;
  readonly failed: number;
  /** How many jobs became dead letters. */
  readonly dead: number;
  /** How many attempts ran how long: a histogram with the bounds `histogramBoundsMs`. */
  readonly runCounts: readonly number[];
  /** How many attempts waited how long, since they were due: a histogram with the same bounds. */
  readonly waitCounts: readonly number[];
}
