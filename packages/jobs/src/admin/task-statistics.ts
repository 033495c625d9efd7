import type { Pool } from "pg";
import { explainConnection } from "../database/database-errors.ts";
import { queryMigrated } from "../database/missing-tables.ts";
import { promptlyMs, withQueryTimeout } from "../database/query-timeout.ts";
import type { Queryable } from "../database/queryable.ts";
import type { JobCounts } from "../graphile/count-jobs.ts";
import { addCounts, quantileOf } from "../statistics/histogram.ts";
import { readMinutes, type StoredMinute } from "../statistics/minutes-table.ts";
import { unlessOnStandby } from "../statistics/on-standby.ts";
import { readCurrentCounts } from "../statistics/current-counts.ts";
import { readLivingTasks } from "./worker-list.ts";

/** Half of the times were no longer than `p50`, and 95 of a hundred no longer than `p95`. Estimated, in milliseconds. */
export interface Quantiles {
  readonly p50: number;
  readonly p95: number;
}

/** How the jobs of a task do. */
export interface TaskStatistics {
  readonly task: string;
  /** Jobs that may begin now. */
  readonly due: number;
  /** Jobs whose time is in the future. */
  readonly scheduled: number;
  /** Jobs that a worker has: it runs them, or has fetched them ahead. */
  readonly locked: number;
  /** Dead letters. */
  readonly dead: number;
  /** Milliseconds since the first of the due jobs was due; `0` if none is. */
  readonly oldestDueAgeMs: number;
  /** Attempts that succeeded, a minute, over the last five whole minutes. */
  readonly donePerMinute: number;
  /** Attempts that failed, in the same way. */
  readonly failedPerMinute: number;
  /** How long the attempts of the last hour ran. `undefined` if there were none. */
  readonly runMs: Quantiles | undefined;
  /** How long the jobs of the last hour were due before their first attempt began. `undefined` if there were none. */
  readonly waitMs: Quantiles | undefined;
  /** When a worker last said that it knows the task. */
  readonly knownAt: Date | undefined;
  /**
   * Whether a living worker runs the task. If workers of an older version live, which do not say what they run: whether any worker
   * has known it within the last day.
   */
  readonly isKnownByWorker: boolean;
}

const hourMs = 3_600_000;
const minuteMs = 60_000;
const recentMinutes = 5;

/** A task that no worker has known for a day is listed only if it has jobs or has had them within the hour. */
const nowSql = "select (extract(epoch from date_trunc('minute', now())) * 1000)::float8 as minute_ms";
const knownSql = `
  select name, (extract(epoch from known_at) * 1000)::float8 as known_ms, known_at > now() - interval '1 day' as is_recent
  from acme_jobs.tasks`;

/** All tasks that workers know, that have jobs or dead letters, or had some within the last hour; by name. */
export async function readTaskStatistics(pool: Pool): Promise<readonly TaskStatistics[]> {
  const db = withQueryTimeout(pool, promptlyMs);
  try {
    const [{ tasks: counted }, known, living, minutes, thisMinuteMs] = await Promise.all([
      readCurrentCounts(pool),
      readKnownTasks(db),
      readLivingTasks(db),
      unlessOnStandby(() => readMinutes(db, { sinceMs: hourMs }), []),
      readThisMinute(db),
    ]);
    const countsByTask = new Map(counted.map((counts) => [counts.task, counts]));
    const minutesByTask = Map.groupBy(minutes, ({ task }) => task);
    const current = [...known].filter(([, { isRecent }]) => isRecent).map(([task]) => task);
    const names = new Set([...countsByTask.keys(), ...minutesByTask.keys(), ...current]);
    return [...names].toSorted().map((task) => ({
      ...(countsByTask.get(task) ?? noJobs(task)),
      ...summarize(minutesByTask.get(task) ?? [], thisMinuteMs),
      knownAt: known.get(task)?.knownAt,
      isKnownByWorker: living.tasks.has(task) || (living.mayBeMore && known.get(task)?.isRecent === true),
    }));
  } catch (error) {
    throw explainConnection(error, false);
  }
}

interface Known {
  readonly knownAt: Date;
  /** Due jobs of tasks that no worker has known for a day become dead letters. */
  readonly isRecent: boolean;
}

async function readKnownTasks(db: Queryable): Promise<ReadonlyMap<string, Known>> {
  const rows = await queryMigrated(db, knownSql);
  return new Map(
    rows.map((row) => {
      const known = { knownAt: new Date(Number(row["known_ms"])), isRecent: row["is_recent"] === true };
      return [String(row["name"]), known];
    }),
  );
}

/** By the clock of the database, as the minutes are. */
async function readThisMinute(db: Queryable): Promise<number> {
  const { rows } = await db.query(nowSql);
  return Number(rows[0]?.["minute_ms"]);
}

function noJobs(task: string): JobCounts {
  return { task, due: 0, scheduled: 0, locked: 0, dead: 0, oldestDueAgeMs: 0 };
}

function summarize(minutes: readonly StoredMinute[], thisMinuteMs: number) {
  const recent = minutes.filter(({ minute }) => {
    const agoMs = thisMinuteMs - minute.getTime();
    return agoMs > 0 && agoMs <= recentMinutes * minuteMs;
  });
  const perMinute = (what: "done" | "failed") => recent.reduce((sum, minute) => sum + minute[what], 0) / recentMinutes;
  return {
    donePerMinute: perMinute("done"),
    failedPerMinute: perMinute("failed"),
    runMs: quantilesOf(minutes.map(({ runCounts }) => runCounts)),
    waitMs: quantilesOf(minutes.map(({ waitCounts }) => waitCounts)),
  };
}

function quantilesOf(histograms: readonly (readonly number[])[]): Quantiles | undefined {
  const counts = histograms.reduce<readonly number[]>(addCounts, []);
  const [p50, p95] = [quantileOf(counts, 0.5), quantileOf(counts, 0.95)];
  return p50 === undefined || p95 === undefined ? undefined : { p50, p95 };
}
