import { checkCount, checkNames, namesOf } from "../check-options.ts";
import { DomainEventsError } from "../errors.ts";
import type { UnitRetryOptions } from "./retry-transaction.ts";
import { type Isolation, isolations } from "../transaction/transaction-adapter.ts";

/** Settings of one run. A run that joins another one may only be given a signal. */
export interface RunOptions {
  /** Default: the isolation level of the database. */
  readonly isolation?: Isolation | undefined;
  readonly retry?: UnitRetryOptions | undefined;
  /**
   * If it is aborted before COMMIT is sent, the unit rolls back and rejects with the signal's reason. If the unit is
   * still waiting for a connection, it rejects at once.
   */
  readonly signal?: AbortSignal | undefined;
}

const optionNames = namesOf<RunOptions>({ isolation: true, retry: true, signal: true });
export const retryNames = namesOf<UnitRetryOptions>({ attempts: true });

/**
 * The isolation becomes part of a statement, so a caller without types must not be able to put any other text there.
 */
export function checkRunOptions(options: RunOptions): void {
  checkNames("run()", options, optionNames);
  const { isolation, retry } = options;
  if (retry !== undefined) checkNames("retry", retry, retryNames);
  if (retry?.attempts !== undefined) checkCount("retry.attempts", retry.attempts);
  if (isolation === undefined || isolations.some((known) => known === isolation)) return;
  throw new DomainEventsError(
    "OPTIONS_INVALID",
    `isolation is one of ${isolations.map((name) => `"${name}"`).join(", ")}.`,
  );
}
