import { isTrue } from "@acme/shared/is-true";
import type { Pool } from "pg";
import { checkNames } from "../check-options.ts";
import { checkLimit, checkText } from "../check-values.ts";
import { askJobs } from "../database/ask-jobs.ts";
import { promptlyMs } from "../database/query-timeout.ts";
import type { Row } from "../database/queryable.ts";
import type { Page } from "../job/job-filter.ts";
import type { Definition } from "../schedule/definition.ts";
import type { Backfill, Overlap } from "../schedule/schedule.ts";
import { readSchedules } from "../schedule/schedule-rows.ts";
import type { Timing } from "../schedule/ticks.ts";
import { pageNames } from "./check-filter.ts";

/** A schedule that a worker has, or had. */
export interface ScheduleInfo {
  readonly name: string;
  readonly task: string;
  readonly timing: Timing;
  readonly overlap: Overlap;
  readonly backfill: Backfill;
  /** Whether a worker has said within the last two minutes that it has the schedule. If none has it, its ticks do not come. */
  readonly isDeclared: boolean;
  /** When a worker last said so. */
  readonly seenAt: Date;
  /** When a worker last said that it has a schedule of this name with other settings. */
  readonly disputedAt: Date | null;
  /** The next tick. `null` while the schedule is paused, and if none is left. */
  readonly nextAt: Date | null;
  /** The last tick that has come. */
  readonly lastTickAt: Date | null;
  /** The last job that was enqueued, and when. */
  readonly lastJobId: string | null;
  readonly enqueuedAt: Date | null;
  /** When a tick was last skipped, because the job of an earlier one was not done. */
  readonly skippedAt: Date | null;
  readonly pausedAt: Date | null;
  /** Why its next job cannot be made. Without a value of the payload. */
  readonly failure: string | null;
}

/** Schedules, by name. */
export interface SchedulePage {
  readonly schedules: readonly ScheduleInfo[];
  /** Give it as `after` to get the next page. `undefined` if there is none. */
  readonly next: string | undefined;
}

export async function listSchedules(pool: () => Pool, page: Page = {}): Promise<SchedulePage> {
  checkNames(page, { what: "schedules()", known: pageNames });
  const { limit = 100, after } = page;
  checkLimit(limit);
  checkText("after", after);
  const rows = await askJobs(pool, (db) => readSchedules(db, { after: after ?? "", limit }), promptlyMs);
  const schedules = rows.slice(0, limit).map(toScheduleInfo);
  return { schedules, next: rows.length > limit ? schedules.at(-1)?.name : undefined };
}

function toScheduleInfo(row: Row): ScheduleInfo {
  const { timing, overlap, backfill } = row["definition"] as Definition;
  const date = (column: string) => (row[column] === null ? null : new Date(Number(row[column])));
  const pausedAt = date("paused_at");
  return {
    name: String(row["name"]),
    task: String(row["task"]),
    timing,
    overlap,
    backfill,
    isDeclared: isTrue(row["is_declared"]),
    seenAt: new Date(Number(row["seen_at"])),
    disputedAt: date("disputed_at"),
    nextAt: pausedAt === null ? date("next_at") : null,
    lastTickAt: date("last_tick_at"),
    lastJobId: row["last_job_id"] as string | null,
    enqueuedAt: date("enqueued_at"),
    skippedAt: date("skipped_at"),
    pausedAt,
    failure: row["failure"] as string | null,
  };
}
