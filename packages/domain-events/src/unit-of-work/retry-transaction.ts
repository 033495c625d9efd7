import { setTimeout as delay } from "node:timers/promises";
import { AttemptFailed } from "./attempt-failed.ts";
import { isClaimConflict } from "./run-once.ts";

/** How often a unit of work runs. */
export interface UnitRetryOptions {
  /** How often the work runs in total when it meets 40001 (serialization) or 40P01 (deadlock). Default: 3. */
  readonly attempts?: number;
}

const firstDelayMs = 10;
const longestDelayMs = 1_000;
/** Attempts that ended before the work had begun; each of them means that somebody else has got on. */
const mostFreeAttempts = 100;

/** Runs again while the server has said that another try may succeed. Exhausted, the original error comes out. */
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
      // Aborted in the pause: the check above says so.
      await delay(fullJitter(attempt), undefined, signal ? { signal } : {}).catch(() => {});
    }
  }
}

function fullJitter(attempt: number): number {
  return Math.random() * Math.min(firstDelayMs * 2 ** attempt, longestDelayMs);
}
