import { JobsError } from "../errors.ts";
import type { PerformableTask } from "../task/perform.ts";

/** Which tasks `drain` runs, and for how long. */
export interface DrainOptions {
  /** Jobs of other tasks are left alone. */
  readonly tasks: readonly PerformableTask[];
  /** Whether jobs that wait for their `runAt` or next attempt run at once, too. Default: true. */
  readonly skipDelays?: boolean;
  /** Milliseconds after which `drain` gives up. Default: 10,000. */
  readonly withinMs?: number;
  /** The most attempts to make, from 1. The jobs that are left stay as they are. Default: no limit. */
  readonly limit?: number;
  /**
   * Whether the jobs that jobs enqueue run, too, and further attempts of those that have failed. `false`: each job that is there
   * now runs once. Default: true.
   */
  readonly follow?: boolean;
}

/** What happened while `drain` ran. */
export interface DrainResult {
  /** Attempts that succeeded. */
  readonly doneCount: number;
  /** Attempts that threw, reached their time limit, or got a payload that does not fit. The last one of a dead letter is one of them. */
  readonly failedCount: number;
  /** Attempts that put their job off with `snooze()`, and are not used up. */
  readonly snoozedCount: number;
  /** Jobs that have become dead letters. */
  readonly deadCount: number;
}

export function drainIncomplete(
  tasks: readonly string[],
  { withinMs, cause }: { readonly withinMs: number; readonly cause: unknown },
): JobsError {
  const left = tasks.length === 0 ? "rows in the outbox that cannot be moved" : `jobs of: ${tasks.join(", ")}`;
  return new JobsError(
    "DRAIN_INCOMPLETE",
    `After ${withinMs} ms there are still ${left}. A task may enqueue its own jobs again, or put them off.`,
    { cause },
  );
}
