import { checkCount } from "../check-duration.ts";
import { DomainEventsError } from "../errors.ts";
import type { UnitRetryOptions } from "./retry-transaction.ts";
import { type Isolation, isolations } from "../transaction/transaction-adapter.ts";

/** What one run may ask for; of these, a run that joins another may only bring a signal. */
export interface RunOptions {
  /** Default: that of the database. */
  readonly isolation?: Isolation | undefined;
  readonly retry?: UnitRetryOptions | undefined;
  /** Aborted before COMMIT is sent, the unit rolls back and rejects with the signal's reason; while it waits for a connection, at once. */
  readonly signal?: AbortSignal | undefined;
}

/** The isolation ends up in a statement, so a caller without types must not get anything else in there. */
export function checkRunOptions({ isolation, retry }: RunOptions): void {
  if (retry?.attempts !== undefined) checkCount("retry.attempts", retry.attempts);
  if (isolation === undefined || isolations.some((known) => known === isolation)) return;
  throw new DomainEventsError(
    "OPTIONS_INVALID",
    `isolation is one of ${isolations.map((name) => `"${name}"`).join(", ")}.`,
  );
}
