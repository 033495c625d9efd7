import type { Pool } from "pg";
import { isTrue } from "@acme/shared/is-true";
import { checkNames } from "../check-options.ts";
import { checkLimit, checkText } from "../check-values.ts";
import { askJobs } from "../database/ask-jobs.ts";
import { promptlyMs } from "../database/query-timeout.ts";
import type { Row } from "../database/queryable.ts";
import { queueLengths } from "../graphile/queue-lengths.ts";
import type { Page } from "../job/job-filter.ts";
import { pageNames } from "./check-filter.ts";

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
  /** Whether there are more jobs than were looked at, the oldest 50,000: counts are minima then, and queues may be missing. */
  readonly isCapped: boolean;
}

export async function listQueues(pool: () => Pool, page: Page = {}): Promise<QueuePage> {
  checkNames(page, { what: "queues()", known: pageNames });
  const { limit = 100, after } = page;
  checkLimit(limit);
  checkText("after", after);
  const rows = await askJobs(pool, (db) => queueLengths(db, { after: after ?? "", limit }), promptlyMs);
  const queues = rows.slice(0, limit).map(toQueueInfo);
  return {
    queues,
    next: rows.length > limit ? queues.at(-1)?.queue : undefined,
    isCapped: isTrue(rows[0]?.["is_capped"]),
  };
}

function toQueueInfo(row: Row): QueueInfo {
  return {
    queue: String(row["queue"]),
    count: Number(row["count"]),
    dueCount: Number(row["due_count"]),
    oldestDueAgeMs: Number(row["oldest_due_age_ms"]),
    headJobId: String(row["head_job_id"]),
    headTask: String(row["head_task"]),
    lockedAt: row["locked_at_ms"] === null ? null : new Date(Number(row["locked_at_ms"])),
    lockedBy: row["locked_by"] as string | null,
  };
}
