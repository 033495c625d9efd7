import { JobsError } from "../../errors.ts";

/** The clock of jobs in memory. It runs as the clock of the process does, and can be moved forward. */
export interface TestClock {
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

/** The times of one store. */
export class MemoryClock {
  #movedMs = 0;
  #last = 0;

  /** Milliseconds since 1970. Never before a {@link stamp}. */
  get now(): number {
    return Math.max(Date.now() + this.#movedMs, this.#last);
  }

  /** Later than all before, by a microsecond at least: the order of what is noted in one millisecond is kept. */
  stamp(): number {
    const now = Date.now() + this.#movedMs;
    // Numbers of this size are exact to a quarter of a microsecond.
    this.#last = Math.max(now, this.#last + 0.001);
    return this.#last;
  }

  move(ms: number): void {
    this.#movedMs += ms;
  }
}

/** @throws {@link JobsError} `OPTIONS_INVALID`. */
export function checkAdvance(ms: unknown): void {
  if (typeof ms === "number" && ms >= 0 && ms <= longestAdvanceMs) return;
  throw new JobsError("OPTIONS_INVALID", "advance() takes a number of milliseconds from 0 to 100 years.");
}
