import { isConflict, mayOnlyRead } from "./database-error.ts";
import { DomainEventsError } from "../errors.ts";
import type { TransactionWatch } from "./transaction-adapter.ts";
import { type SavepointControl, transactionControlIn, type TransactionControl } from "./transaction-control.ts";

/** If the server has not answered for so long, COMMIT is sent only after the connection has answered once more. */
const quietMs = 100;

/**
 * The routines of the server that warn that there is no transaction, because the work has ended it, or that one was
 * open before ours.
 */
const warningsOfEnds: ReadonlySet<unknown> = new Set([
  "BeginTransactionBlock",
  "EndTransactionBlock",
  "UserAbortTransactionBlock",
]);

/** The command tags of the server's answers. If a tag has several words, the driver has only the first. */
const tagOf = {
  end: "COMMIT",
  prepare: "PREPARE",
  savepoint: "SAVEPOINT",
  release: "RELEASE",
  "rollback to": "ROLLBACK",
};
const controlTags: ReadonlySet<unknown> = new Set([...Object.values(tagOf), "BEGIN", "START"]);

/**
 * Applies the statements of the work to the scopes: the scope of their sender, and the savepoints they set and leave.
 */
export interface StatementScopes {
  /** @throws {@link DomainEventsError} if the sender's scope has ended, or if a savepoint inside of it is open. */
  enter(): void;
  /** @throws {@link DomainEventsError} `TRANSACTION_OWNED` for a savepoint that is not the work's own. */
  control(control: SavepointControl): void;
  /** A text with savepoints in it is about to be sent. */
  controlsSending(controls: readonly TransactionControl[]): void;
  controlsAnswered(): void;
  controlsFailed(error: unknown): void;
}

/**
 * Ensures that only the unit of work ends its transaction, and remembers what the server answered. A statement of the
 * work that would end the transaction is refused before it is sent. If its text hides that, it is detected afterwards:
 * by its command tag, by the server's warning at our COMMIT, or because the mark is gone.
 */
export class OwnedTransaction implements TransactionWatch {
  #scopes: StatementScopes | undefined;
  #violation: DomainEventsError | undefined;
  #conflict: unknown;
  #refusedWrite: unknown;
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

  /** The serialization failure or deadlock of this transaction, even if the work has wrapped or swallowed the error. */
  get conflict(): unknown {
    return this.#conflict;
  }

  /** The error of a write on a connection that may only read, even if the work has wrapped or swallowed it. */
  get refusedWrite(): unknown {
    return this.#refusedWrite;
  }

  /** The server has committed, but the wait for the standby was cancelled, so the standby may lack the commit. */
  get isReplicationUnknown(): boolean {
    return this.#isReplicationUnknown;
  }

  /** A connection that has been silent for longer may be dead, with no error reported yet. */
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

  /** Remembers the refused attempt: if the work tried to roll back, it must not be committed. */
  refuse(error: DomainEventsError = transactionOwned()): DomainEventsError {
    this.#violation ??= error;
    return this.#violation;
  }

  /** The server has answered something. */
  heard(): void {
    this.#answeredAt = performance.now();
  }

  answered(result: unknown, text: string | undefined): void {
    this.heard();
    const seen = tagsOf(result).filter((tag) => controlTags.has(tag));
    if (seen.some((tag) => tag === "COMMIT" || tag === "BEGIN" || tag === "START")) this.refuse();
    // A text may hide that it sets or leaves a savepoint, for example by the name of a prepared statement.
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
    if (mayOnlyRead(error)) this.#refusedWrite ??= error;
  }

  noticed(notice: unknown): void {
    if (typeof notice !== "object" || notice === null) return;
    // The text is translated, and code in the database may raise a warning with the same code. So compare the routine.
    const routine = "routine" in notice ? notice.routine : undefined;
    if (warningsOfEnds.has(routine)) this.refuse();
    if (this.#isCommitting && routine === "SyncRepWaitForLSN") this.#isReplicationUnknown = true;
  }

  /** Keeps the last result, since a text is parsed both before the statement is sent and when it is answered. */
  #controlsIn(text: string | undefined): readonly TransactionControl[] {
    if (text === undefined) return [];
    if (text !== this.#lookedAt?.text) this.#lookedAt = { text, controls: transactionControlIn(text) };
    return this.#lookedAt.controls;
  }
}

function transactionOwned(): DomainEventsError {
  return new DomainEventsError(
    "TRANSACTION_OWNED",
    "The work began, committed or rolled back the transaction itself, or reset all settings of its session. Only the unit of work may do that, and nothing was published. " +
      "Return to commit, throw to roll back, and use savepoint() for a part that may fail.",
  );
}

function savepointHidden(): DomainEventsError {
  return new DomainEventsError(
    "TRANSACTION_OWNED",
    "The work set or left a savepoint, or prepared the transaction, in a statement whose text does not show it. So it is not known which events belong to rows that are gone, and " +
      "nothing was published. Send statements about savepoints by themselves, or use savepoint().",
  );
}

/** The command tags of all statements of one text. */
function tagsOf(result: unknown): unknown[] {
  return (Array.isArray(result) ? result : [result]).map((one: unknown) =>
    typeof one === "object" && one !== null && "command" in one ? one.command : undefined,
  );
}
