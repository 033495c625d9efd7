import { isConflict } from "./database-error.ts";
import { DomainEventsError } from "../errors.ts";
import type { TransactionWatch } from "./transaction-adapter.ts";
import { type SavepointControl, transactionControlIn, type TransactionControl } from "./transaction-control.ts";

/** After such a silence COMMIT is not sent before the connection has shown that it lives. */
const quietMs = 100;

/** Where the server warns that there is no transaction, since the work had ended it; or that there was one before ours. */
const warningsOfEnds: ReadonlySet<unknown> = new Set([
  "BeginTransactionBlock",
  "EndTransactionBlock",
  "UserAbortTransactionBlock",
]);

/** The tags by which the server answers; of several words a driver has the first. */
const tagOf = {
  end: "COMMIT",
  prepare: "PREPARE",
  savepoint: "SAVEPOINT",
  release: "RELEASE",
  "rollback to": "ROLLBACK",
};
const controlTags: ReadonlySet<unknown> = new Set([...Object.values(tagOf), "BEGIN", "START"]);

/** What follows from what the work sends: whose scope it is in, and which savepoints it sets and leaves. */
export interface StatementScopes {
  /** @throws {@link DomainEventsError} where the sender's scope has ended, or a savepoint inside of it is open. */
  enter(): void;
  /** @throws {@link DomainEventsError} `TRANSACTION_OWNED` for a savepoint that is not the work's own. */
  control(control: SavepointControl): void;
  /** A text with savepoints in it is about to be sent. */
  controlsSending(controls: readonly TransactionControl[]): void;
  controlsAnswered(): void;
  controlsFailed(error: unknown): void;
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
  #lookedAt: { readonly text: string; readonly controls: readonly TransactionControl[] } | undefined;

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
    if (this.#hasSavepoints(text)) this.#scopes?.controlsSending(this.#controlsIn(text));
    for (const control of this.#controlsIn(text)) {
      if (control.kind === "end") throw this.refuse();
      if ("name" in control) this.#scopes?.control(control);
    }
  }

  /** Remembers the attempt as well: a work that wanted to roll back must not be committed. */
  refuse(error: DomainEventsError = transactionOwned()): DomainEventsError {
    this.#violation ??= error;
    return this.#violation;
  }

  /** Something was answered, whatever it was. */
  heard(): void {
    this.#answeredAt = performance.now();
  }

  answered(result: unknown, text: string | undefined): void {
    this.heard();
    const seen = tagsOf(result).filter((tag) => controlTags.has(tag));
    if (seen.some((tag) => tag === "COMMIT" || tag === "BEGIN" || tag === "START")) this.refuse();
    // Savepoints that were set or left by a text that hides it, or by the name of a prepared statement.
    const shown = this.#controlsIn(text);
    const isShown = seen.length === shown.length && shown.every(({ kind }, index) => tagOf[kind] === seen[index]);
    if (!isShown) this.refuse(savepointHidden());
    if (this.#hasSavepoints(text)) this.#scopes?.controlsAnswered();
  }

  #hasSavepoints(text: string | undefined): boolean {
    return this.#controlsIn(text).some((control) => "name" in control);
  }

  failed(error: unknown, text?: string): void {
    if (this.#hasSavepoints(text)) this.#scopes?.controlsFailed(error);
    this.heard();
    if (isConflict(error)) this.#conflict ??= error;
  }

  noticed(notice: unknown): void {
    if (typeof notice !== "object" || notice === null) return;
    // Its text is translated, and its code may be that of anybody's warning; the place in the server's source is neither.
    const routine = "routine" in notice ? notice.routine : undefined;
    if (warningsOfEnds.has(routine)) this.refuse();
    if (this.#isCommitting && routine === "SyncRepWaitForLSN") this.#isReplicationUnknown = true;
  }

  /** The text of a statement is looked at before it is sent and when it is answered. */
  #controlsIn(text: string | undefined): readonly TransactionControl[] {
    if (text === undefined) return [];
    if (text !== this.#lookedAt?.text) this.#lookedAt = { text, controls: transactionControlIn(text) };
    return this.#lookedAt.controls;
  }
}

function transactionOwned(): DomainEventsError {
  return new DomainEventsError(
    "TRANSACTION_OWNED",
    "The work began, committed or rolled back the transaction itself, or reset all settings of its session; the unit of work does that, and nothing was published. " +
      "Return to commit, throw to roll back, and use savepoint() for a part that may fail.",
  );
}

function savepointHidden(): DomainEventsError {
  return new DomainEventsError(
    "TRANSACTION_OWNED",
    "The work set or left a savepoint, or prepared the transaction, in a statement whose text does not show it, so it is not known which events belong to rows that are gone; " +
      "nothing was published. Send statements about savepoints by themselves, or use savepoint().",
  );
}

/** Of the statements of one text. */
function tagsOf(result: unknown): unknown[] {
  return (Array.isArray(result) ? result : [result]).map((one: unknown) =>
    typeof one === "object" && one !== null && "command" in one ? one.command : undefined,
  );
}
