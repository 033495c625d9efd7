import { JobsError } from "../../errors.ts";
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
   * Moves the clock forward by that many milliseconds. What waits for its time meanwhile is due then. In mode `inline`, it runs
   * before the promise resolves, each job at its own time.
   *
   * @throws {@link JobsError} `OPTIONS_INVALID` for what is no number from 0 to 100 years.
   */
  advance(ms: number): Promise<void>;
}

const longestAdvanceMs = 100 * 365 * 86_400_000;

/** @param follow - Runs what is due, if jobs run by themselves. */
export function createTestClock(store: MemoryStore, follow: () => Promise<void>): TestClock {
  const { clock } = store;
  return {
    now: () => new Date(clock.now),
    async advance(ms) {
      checkAdvance(ms);
      const until = clock.now + ms;
      // In steps, so that each job runs at its own time.
      for (let next = store.nextTime(until); next !== undefined; next = store.nextTime(until)) {
        clock.move(next - clock.now);
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
