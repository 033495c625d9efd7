import { setTimeout as pause } from "node:timers/promises";
import type { Pool } from "pg";
import type { Logger } from "@acme/shared/logger";
import { withTimeout } from "@acme/shared/timeout";
import { isUnreachable } from "../database/database-errors.ts";
import { promptlyMs, withQueryTimeout } from "../database/query-timeout.ts";
import { declare } from "./declare.ts";
import { definitionOf } from "./definition.ts";
import { enqueueDueTicks } from "./enqueue-ticks.ts";
import { markSeen } from "./mark-seen.ts";
import { watchDesertion } from "./desertion.ts";
import type { Schedule } from "./schedule.ts";
import { lookAtSchedules, noteFailure, type StoredSchedule } from "./schedule-table.ts";
import { createScheduleLog } from "./schedule-log.ts";
import { TickFailure } from "./tick-failure.ts";

/** Until a pause, a resume or a wish of an operator is seen. */
const lookEveryMs = 2_000;
const retryMs = 1_000;
const longestDrainMs = 5_000;
/** After an outage, workers that live have to say first that they do. */
const desertedForMs = 2 * lookEveryMs;

/** Enqueues the jobs of schedules at their times, together with all other workers that have them. */
export function startScheduler(
  { pool, logger }: { readonly pool: Pool; readonly logger: Logger },
  schedules: readonly Schedule[],
): { stop(): Promise<void> } {
  const db = withQueryTimeout(pool, promptlyMs);
  const declared = schedules.map((schedule) => ({ name: schedule.name, definition: definitionOf(schedule) }));
  const log = createScheduleLog(logger);
  const stopping = new AbortController();
  const { signal } = stopping;
  const desertion = watchDesertion(desertedForMs);

  /** @returns whether the schedule has moved on, so that more may be due. */
  const enqueue = async (schedule: Schedule): Promise<boolean> => {
    const { name } = schedule;
    try {
      const enqueued = await enqueueDueTicks(pool, schedule);
      log.enqueued(name, enqueued);
      return enqueued.jobIds.length > 0;
    } catch (error) {
      if (!(error instanceof TickFailure)) throw error;
      log.failed(name, error);
      await noteFailure(db, name, error.failure);
      return false;
    }
  };
  const advance = async (schedule: Schedule, row: StoredSchedule): Promise<number> => {
    if (!row.isOurs) log.disputed(row.name);
    if (!row.isOurs || (row.isPaused && !row.isWanted)) return lookEveryMs;
    if (isDue(row)) return (await enqueue(schedule)) ? 0 : lookEveryMs;
    return row.inMs ?? lookEveryMs;
  };
  /** @returns milliseconds until it has to look again. */
  const look = async (): Promise<number> => {
    const stored = new Map((await lookAtSchedules(db, declared)).map((each) => [each.name, each]));
    const lacking = schedules.filter(({ name }) => desertion.isLacking(name, stored.get(name)));
    if (lacking.length > 0) await declare(db, lacking);
    // First, since a schedule that cannot go on is no less there.
    await markSeen(db, declared);
    const waits = lacking.length > 0 ? [0] : [lookEveryMs];
    const errors: unknown[] = [];
    for (const schedule of schedules) {
      const row = stored.get(schedule.name);
      // One schedule that cannot go on keeps no other waiting.
      if (row)
        await advance(schedule, row).then(
          (waitMs) => waits.push(waitMs),
          (error: unknown) => errors.push(error),
        );
    }
    if (errors.length > 0) throw errors[0];
    return Math.min(...waits);
  };
  const repeat = async () => {
    let isDeclared = false;
    while (!signal.aborted) {
      let waitMs = retryMs;
      try {
        if (!isDeclared) await declare(db, schedules);
        isDeclared = true;
        waitMs = await look();
        log.wentWell();
      } catch (error) {
        desertion.forget();
        if (!signal.aborted && !isUnreachable(error)) log.hindered(error);
      }
      await pause(Math.ceil(waitMs), undefined, { signal, ref: false }).catch(() => undefined);
    }
  };
  const finished = repeat();

  return {
    async stop() {
      stopping.abort();
      await withTimeout(longestDrainMs, finished).catch(() => undefined);
    },
  };
}

function isDue({ inMs, isWanted }: StoredSchedule): boolean {
  return isWanted || (inMs !== undefined && inMs <= 0);
}
