import type { Pool } from "pg";
import { checkNames, checkNumber } from "../check-options.ts";
import { explainConnection } from "../database/database-errors.ts";
import { promptlyMs, withQueryTimeout } from "../database/query-timeout.ts";
import { unlessOnStandby } from "../statistics/on-standby.ts";
import { minutesKeptMs, readMinutes } from "../statistics/minutes-table.ts";

/** What workers have done with the jobs of a task in a minute. A minute without attempts has none. */
export interface TaskMinute {
  /** When the minute began, by the clock of the jobs database. */
  readonly minute: Date;
  readonly task: string;
  /** Attempts that succeeded. */
  readonly done: number;
  /** Attempts that failed, also those after which the job was dead. One that was put off does not count. */
  readonly failed: number;
  /** Jobs of these that have failed for good. */
  readonly dead: number;
  /** How long attempts ran, by the buckets of `histogramBoundsMs` and one for all that was longer. */
  readonly runCounts: readonly number[];
  /** How long jobs were due before their first attempt began, in the same buckets. */
  readonly waitCounts: readonly number[];
}

/** Which minutes to read. */
export interface TaskMinutesOptions {
  /** Minutes that began within so many milliseconds, from 60,000 to 28,800,000 (8 hours). Default: 3,600,000 (an hour). */
  readonly sinceMs?: number;
  readonly task?: string;
}

const hourMs = 3_600_000;

/** The oldest first. @throws {@link JobsError} `OPTIONS_INVALID`. */
export async function readTaskMinutes(pool: Pool, options: TaskMinutesOptions = {}): Promise<readonly TaskMinute[]> {
  checkNames(options, { what: "minutes()", known: ["sinceMs", "task"] satisfies (keyof TaskMinutesOptions)[] });
  const { sinceMs = hourMs, task } = options;
  checkNumber("sinceMs", sinceMs, [60_000, minutesKeptMs]);
  try {
    const read = () => readMinutes(withQueryTimeout(pool, promptlyMs), { sinceMs, task });
    return await unlessOnStandby(read, []);
  } catch (error) {
    throw explainConnection(error, false);
  }
}
