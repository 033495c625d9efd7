import type { Pool } from "pg";
import { answerWithinMs } from "../database/query-timeout.ts";
import type { Queryable } from "../database/queryable.ts";
import { beginTransaction } from "../database/transaction.ts";
import { addJobs, addUnlessKeyTaken } from "../graphile/add-jobs.ts";
import type { JobRequest } from "../job/job-request.ts";
import { definitionOf } from "./definition.ts";
import { dueTicks, type DueTicks, type Standing } from "./due-ticks.ts";
import { makeRequests } from "./make-requests.ts";
import type { Schedule } from "./schedule.ts";
import { advanceSchedule, lockSchedule, type LockedSchedule } from "./schedule-table.ts";

/** A worker that is stopped in the middle must not keep the others from the schedule for longer. */
const settings = "set local idle_in_transaction_session_timeout = '3s'; set local lock_timeout = '3s'";

/** What was enqueued. */
export interface EnqueuedTicks {
  readonly jobIds: readonly string[];
  readonly skippedCount: number;
}

/**
 * Enqueues the jobs of the ticks that are due, and moves the schedule on, in one transaction. Nothing happens if another worker is
 * at it.
 *
 * @throws `TickFailure` if a job cannot be made, and errors of the database. The ticks are due again then.
 */
export async function enqueueDueTicks(pool: Pool, schedule: Schedule): Promise<EnqueuedTicks> {
  const { name } = schedule;
  await using transaction = await beginTransaction(pool, { settings, statementMs: answerWithinMs });
  const locked = await lockSchedule(transaction, { name, definition: definitionOf(schedule) });
  if (locked === undefined) return { jobIds: [], skippedCount: 0 };
  const standing = toStanding(locked);
  // A job that an operator wants comes in a pause, too.
  const due = locked.isPaused ? noneDue(standing) : dueTicks(schedule.timing, schedule.backfill, standing);
  const { requests, nextAt, lastAt } = await makeRequests(schedule, due, locked);
  const jobIds = await add(transaction, schedule, requests);
  const skippedCount = requests.length - jobIds.length;
  await advanceSchedule(transaction, {
    name,
    nextAt,
    lastTickAt: lastAt,
    lastJobId: jobIds.at(-1),
    hasSkipped: skippedCount > 0,
  });
  await transaction.commit();
  return { jobIds, skippedCount };
}

function noneDue({ nextAt }: Standing): DueTicks {
  return { ticks: [], nextAt, lastAt: undefined };
}

function toStanding({ now, nextAt, lastTickAt }: LockedSchedule): Standing {
  return { now: new Date(now), nextAt: toDate(nextAt), lastTickAt: toDate(lastTickAt) };
}

function toDate(ms: number | undefined): Date | undefined {
  return ms === undefined ? undefined : new Date(ms);
}

/** @returns the ids of the jobs that were added. */
async function add(db: Queryable, { overlap }: Schedule, requests: readonly JobRequest[]): Promise<string[]> {
  const added: string[] = [];
  if (overlap !== "skip") {
    await addJobs(db, requests);
    return requests.map(({ id }) => id);
  }
  for (const request of requests) {
    if ((await addUnlessKeyTaken(db, request)) !== undefined) added.push(request.id);
  }
  return added;
}
