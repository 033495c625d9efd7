import type { Pool } from "pg";
import { explainConnection } from "../database/database-errors.ts";
import { promptlyMs, withQueryTimeout } from "../database/query-timeout.ts";
import { askBacklog } from "../health.ts";
import type { OutboxBacklog } from "../outbox/outbox-table.ts";
import { readCurrentCounts } from "../statistics/current-counts.ts";
import { countWorkersAlive } from "./worker-list.ts";

/** The queue at a glance. */
export interface Overview {
  /** When the jobs were counted. `undefined` if no fresh sample was there, and they were counted for this call. */
  readonly sampledAt: Date | undefined;
  /** There were too many jobs to count in time. The counts are the least that there are. */
  readonly isCapped: boolean;
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
  readonly workersAlive: number;
  /**
   * How much waits for a relay. `"down"` if the database of the outbox does not answer; `"not migrated"` if that database has
   * no outbox yet; `undefined` if the jobs were made without an `outbox`.
   */
  readonly outbox: OutboxBacklog | "down" | "not migrated" | undefined;
}

/** The databases that an overview is of. */
export interface OverviewPools {
  readonly jobs: Pool;
  /** Missing if the jobs were made without an outbox. */
  readonly outbox?: (() => Pool) | undefined;
}

/** Does not count the queue while a worker takes samples. Otherwise counts it once, for two seconds at most. */
export async function readOverview({ jobs, outbox }: OverviewPools): Promise<Overview> {
  try {
    const [{ tasks, sampledAt, isCapped }, workersAlive, backlog] = await Promise.all([
      readCurrentCounts(jobs),
      countWorkersAlive(withQueryTimeout(jobs, promptlyMs)),
      outbox && askBacklog(outbox),
    ]);
    const total = (what: "due" | "scheduled" | "locked" | "dead") => tasks.reduce((sum, task) => sum + task[what], 0);
    return {
      sampledAt,
      isCapped,
      due: total("due"),
      scheduled: total("scheduled"),
      locked: total("locked"),
      dead: total("dead"),
      oldestDueAgeMs: tasks.reduce((oldest, task) => Math.max(oldest, task.oldestDueAgeMs), 0),
      workersAlive,
      outbox: backlog,
    };
  } catch (error) {
    throw explainConnection(error, false);
  }
}
