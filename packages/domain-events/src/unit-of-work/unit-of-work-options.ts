import { checkCount, checkDuration, checkNames, namesOf } from "../check-options.ts";
import type { CommitLimits } from "../commit/confirm-commit.ts";
import type { HandlersFailedError } from "../errors.ts";
import type { EventBus } from "../bus/event-bus.ts";
import type { UnitRetryOptions } from "./retry-transaction.ts";
import { retryNames } from "./run-options.ts";

/** Settings of a unit of work, for all of its runs. */
export interface UnitOfWorkOptions<in Tx> {
  /** The bus on which events are published. Default: the default bus. */
  readonly bus?: EventBus<Tx>;
  /**
   * What happens if handlers fail after the commit. Default: each failure is only logged by the bus. A function is
   * called with one {@link HandlersFailedError} besides; with `"throw"`, `run` rejects with that error.
   */
  readonly onHandlerError?: "throw" | ((error: HandlersFailedError) => unknown);
  readonly retry?: UnitRetryOptions;
  /** If the answer to COMMIT is lost: how long to ask the database about the transaction. Default: 10 s. */
  readonly outcomeTimeoutMs?: number;
  /**
   * How long COMMIT may take, with its deferred constraints and triggers, the disk, and a synchronous standby. After
   * that the connection is closed, and the database is asked about the transaction. Default: 60 s. With `Infinity` only
   * TCP limits the wait.
   */
  readonly commitTimeoutMs?: number;
}

/**
 * What `createUnitOfWork()` takes if its transactions are not those of the default bus: the bus is no option then.
 *
 * @example
 * createUnitOfWork(pgTransactions(pool), { bus: createEventBus() });
 */
export interface UnitOfWorkOptionsWithBus<in Tx> extends UnitOfWorkOptions<Tx> {
  /** The bus on which events are published. */
  readonly bus: EventBus<Tx>;
}

export const defaultAttempts = 3;

const optionNames = namesOf<UnitOfWorkOptions<never>>({
  bus: true,
  onHandlerError: true,
  retry: true,
  outcomeTimeoutMs: true,
  commitTimeoutMs: true,
});

/** @throws {@link DomainEventsError} `OPTIONS_INVALID`. */
export function limitsOf(options: UnitOfWorkOptions<never>): CommitLimits {
  checkNames("createUnitOfWork()", options, optionNames);
  const { outcomeTimeoutMs = 10_000, commitTimeoutMs = 60_000, retry } = options;
  if (retry !== undefined) checkNames("retry", retry, retryNames);
  checkCount("retry.attempts", retry?.attempts ?? defaultAttempts);
  return {
    outcomeTimeoutMs: checkDuration("outcomeTimeoutMs", outcomeTimeoutMs),
    commitTimeoutMs: checkDuration("commitTimeoutMs", commitTimeoutMs, 1),
  };
}
