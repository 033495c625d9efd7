import { checkSchedules } from "../../schedule/check-schedules.ts";
import type { Schedule } from "../../schedule/schedule.ts";
import { tickId } from "../../schedule/tick-id.ts";
import { requestFor } from "../../schedule/tick-request.ts";
import { tickAfter } from "../../schedule/ticks.ts";
import type { MemoryStore } from "./memory-store.ts";

/** The ticks of schedules in memory, as one worker that never stops sees them. */
export interface MemorySchedules {
  /** When the next tick is, in milliseconds since 1970; `Infinity` if there is none. */
  readonly nextAt: number;
  /** Enqueues the jobs of the ticks whose time has come. @throws what the code that makes a payload throws. */
  enqueueDue(): Promise<void>;
}

/** @throws {@link JobsError} `OPTIONS_INVALID`. */
export function createMemorySchedules(store: MemoryStore, schedules: readonly Schedule[]): MemorySchedules {
  checkSchedules(schedules);
  const nextTicks = new Map(schedules.map((each) => [each, tickAfter(each.timing, new Date(store.clock.now))]));

  const enqueue = async (schedule: Schedule, at: Date) => {
    const request = await requestFor(schedule, at, tickId(schedule.name, at));
    const isSkipped = schedule.overlap === "skip" && store.withKey(request.settings.key) !== undefined;
    if (!isSkipped) store.add(request);
  };
  return {
    get nextAt() {
      return Math.min(...[...nextTicks.values()].map((tick) => tick?.getTime() ?? Infinity));
    },
    async enqueueDue() {
      for (const [schedule, tick] of nextTicks) {
        if (tick === undefined || tick.getTime() > store.clock.now) continue;
        nextTicks.set(schedule, tickAfter(schedule.timing, tick));
        await enqueue(schedule, tick);
      }
    },
  };
}
