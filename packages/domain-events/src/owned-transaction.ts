import { isConflict } from "./database-error.ts";
import { DomainEventsError } from "./errors.ts";
import type { TransactionWatch } from "./transaction-adapter.ts";
import { transactionControlIn, type TransactionControl } from "./transaction-control.ts";

/** After such a silence COMMIT is not sent before the connection has shown that it lives. */
const quietMs = 100;

/** What follows from what the work sends: whose scope it is in, and which savepoints it sets and leaves. */
export interface StatementScopes {
  /** @throws {@link DomainEventsError} where the sender's scope has ended, or a savepoint inside of it is open. */
  enter(): void;
  /** @throws {@link DomainEventsError} `TRANSACTION_OWNED` for a savepoint that is not the work's own. */
  control(control: Exclude<TransactionControl, { kind: "end" }>): void;
  /** Which savepoints there are now, nobody knows. */
  controlFailed(error: unknown): void;
}

/**
 * Sees to it that only the unit of work ends its transaction, and remembers what the server said. A statement of the work that would end it
 * is refused before it is sent; one that could not be seen is found out by its command tag, by the server's warning at our COMMIT, or by
 * the mark that is gone.
 */
export class OwnedTransaction implements TransactionWatch {
  #scopes: StatementScopes | undefined;
  #violation: DomainEventsError | undefined;
  #conflict: unknown;
  #isReplicationUnknown = false;
  #answeredAt = performance.now();
  #isCommitting = false;

  /** From now on the work may send statements. */
  bind(scopes: StatementScopes): void {
    this.#scopes = scopes;
  }

  /** Notices from now on are about our COMMIT. */
  commits(): void {
    this.#isCommitting = true;
  }

  /** Why the transaction must not be committed. */
  get violation(): DomainEventsError | undefined {
    return this.#violation;
  }

  /** The serialization failure or deadlock that this transaction has met, however anybody has wrapped or swallowed it. */
  get conflict(): unknown {
    return this.#conflict;
  }

  /** Committed, but nobody knows whether by the standby as well: the wait for it was cancelled. */
  get isReplicationUnknown(): boolean {
    return this.#isReplicationUnknown;
  }

  /** A connection that has been quiet for longer may be dead without anybody having noticed. */
  get hasJustAnswered(): boolean {
    return performance.now() - this.#answeredAt < quietMs;
  }

  /** @throws {@link DomainEventsError} `UNIT_ENDED`, `SAVEPOINT_ENDED`, `SAVEPOINT_OPEN`, `TRANSACTION_OWNED`. */
  sending(text: string | undefined): void {
    this.#scopes?.enter();
    if (text === undefined) return;
    for (const control of transactionControlIn(text)) {
      if (control.kind === "end") throw this.refuse();
      this.#scopes?.control(control);
    }
  }

  /** Remembers the attempt as well: a work that wanted to roll back must not be committed. */
  refuse(error: DomainEventsError = transactionOwned()): DomainEventsError {
    this.#violation ??= error;
    return this.#violation;
  }

  answered(result: unknown): void {
    this.#answeredAt = performance.now();
    if (Array.isArray(result) ? result.some(endsTransaction) : endsTransaction(result)) this.refuse();
  }

  failed(error: unknown, text?: string): void {
    if (text !== undefined && transactionControlIn(text).length > 0) this.#scopes?.controlFailed(error);
    this.#answeredAt = performance.now();
    if (isConflict(error)) this.#conflict ??= error;
  }

  noticed(notice: unknown): void {
    if (typeof notice !== "object" || notice === null) return;
    // A warning that there is no transaction, since the work had ended it; or that there was one before ours.
    if ("code" in notice && (notice.code === "25P01" || notice.code === "25001")) this.refuse();
    // Its text is translated, and its code that of any warning; the place in the server's source is neither.
    if (this.#isCommitting && "routine" in notice && notice.routine === "SyncRepWaitForLSN") {
      this.#isReplicationUnknown = true;
    }
  }
}

function transactionOwned(): DomainEventsError {
  return new DomainEventsError(
    "TRANSACTION_OWNED",
    "The work began, committed or rolled back the transaction itself, or reset all settings of its session; the unit of work does that, and nothing was published. " +
      "Return to commit, throw to roll back, and use savepoint() for a part that may fail.",
  );
}

function endsTransaction(result: unknown): boolean {
  const tag = typeof result === "object" && result !== null && "command" in result ? result.command : undefined;
  return tag === "COMMIT" || tag === "BEGIN" || tag === "START";
}
