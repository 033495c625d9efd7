import { checkCount, checkDuration } from "../check-duration.ts";
import type { CommitLimits } from "../commit/confirm-commit.ts";
import type { HandlersFailedError } from "../errors.ts";
import type { EventBus } from "../bus/event-bus.ts";
import type { UnitRetryOptions } from "./retry-transaction.ts";

/** What all runs of a unit of work have in common. */
export interface UnitOfWorkOptions<in Tx> {
  /** Where events are published. Default: the default bus. */
  readonly bus?: EventBus<Tx>;
  /**
   * What to do with handlers that failed after the commit. Each failure is in the bus's log already, which is the
   * default. A function gets one {@link HandlersFailedError}; `"throw"` lets `run` reject with it.
   */
  readonly onHandlerError?: "throw" | ((error: HandlersFailedError) => unknown);
  readonly retry?: UnitRetryOptions;
  /** How long to ask what became of a COMMIT whose answer was lost. Default: 10 s. */
  readonly outcomeTimeoutMs?: number;
  /**
   * How long a COMMIT may take: deferred constraints and triggers, the disk, a synchronous standby. Then its connection is closed, and the
   * database is asked what became of it. Default: 60 s; `Infinity` waits for as long as TCP does.
   */
  readonly commitTimeoutMs?: number;
}

export const defaultAttempts = 3;

/** @throws {@link DomainEventsError} `OPTIONS_INVALID`. */
export function limitsOf({
  outcomeTimeoutMs = 10_000,
  commitTimeoutMs = 60_000,
  retry,
}: UnitOfWorkOptions<never>): CommitLimits {
  checkCount("retry.attempts", retry?.attempts ?? defaultAttempts);
  return {
    outcomeTimeoutMs: checkDuration("outcomeTimeoutMs", outcomeTimeoutMs),
    commitTimeoutMs: checkDuration("commitTimeoutMs", commitTimeoutMs, 1),
  };
}
