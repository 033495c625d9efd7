import { JobsError } from "../../errors.ts";
import type { MemorySchedules } from "./memory-schedules.ts";
import type { MemoryStore } from "./memory-store.ts";

/** The clock of jobs in memory. It runs as the clock of the process does, and can be moved forward. */
export interface TestClock {
  /**
   * The time by which a job is due or not.
   *
   * @throws Nothing.
   */
  now(): Date;
  /**
   * Moves the clock forward by that many milliseconds. What waits for its time meanwhile is due then, and the ticks of schedules
   * come. In mode `inline`, jobs run before the promise resolves, each at its own time.
   *
   * @throws {@link JobsError} `OPTIONS_INVALID` for what is no number from 0 to 100 years; `PAYLOAD_INVALID`, or what the code
   * throws that makes the payload of a schedule.
   */
  advance(ms: number): Promise<void>;
}

const longestAdvanceMs = 100 * 365 * 86_400_000;

/** What has to do with the clock. */
interface ClockParts {
  readonly store: MemoryStore;
  readonly schedules: MemorySchedules;
  /** Runs what is due, if jobs run by themselves. */
  readonly follow: () => Promise<void>;
}

export function createTestClock({ store, schedules, follow }: ClockParts): TestClock {
  const { clock } = store;
  return {
    now: () => new Date(clock.now),
    async advance(ms) {
      checkAdvance(ms);
      const until = clock.now + ms;
      const nextTime = () => Math.min(store.nextTime(until) ?? Infinity, schedules.nextAt);
      // In steps, so that each job runs at its own time.
      for (let next = nextTime(); next <= until; next = nextTime()) {
        clock.move(Math.max(0, next - clock.now));
        await schedules.enqueueDue();
        await follow();
      }
      clock.move(Math.max(0, until - clock.now));
      await follow();
    },
  };
}

function checkAdvance(ms: unknown): void {
  if (typeof ms === "number" && ms >= 0 && ms <= longestAdvanceMs) return;
  throw new JobsError("OPTIONS_INVALID", "advance() takes a number of milliseconds from 0 to 100 years.");
}
