import { setTimeout as delay } from "node:timers/promises";
import { AttemptFailed } from "./attempt-failed.ts";
import { isClaimConflict } from "./run-once.ts";

/** How often a unit of work retries. */
export interface UnitRetryOptions {
  /** How often the work runs in total if it fails with 40001 (serialization) or 40P01 (deadlock). Default: 3. */
  readonly attempts?: number;
}

const firstDelayMs = 10;
const longestDelayMs = 1_000;
/**
 * How many attempts at most do not count, because they ended before the work began. In each, another transaction made
 * progress.
 */
const mostFreeAttempts = 100;

/** Runs again while the server answers that another attempt may succeed. After the last attempt it throws its error. */
export async function retrying<Result>(
  attempts: number,
  signal: AbortSignal | undefined,
  runOnce: () => Promise<Result>,
): Promise<Result> {
  let freeAttempts = 0;
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted();
    try {
      return await runOnce();
    } catch (failure) {
      if (!(failure instanceof AttemptFailed)) throw failure;
      const { conflict, error } = failure;
      if (isClaimConflict(conflict) && freeAttempts < mostFreeAttempts) freeAttempts += 1;
      else if (conflict === undefined || attempt - freeAttempts >= attempts) throw error;
      // If the signal is aborted in the pause, the check above throws.
      await delay(fullJitter(attempt), undefined, signal ? { signal } : {}).catch(() => {});
    }
  }
}

function fullJitter(attempt: number): number {
  return Math.random() * Math.min(firstDelayMs * 2 ** attempt, longestDelayMs);
}
