import { codeOf } from "../transaction/database-error.ts";
import type { OwnedTransaction, StatementScopes } from "../transaction/owned-transaction.ts";
import { callersScopeIn, type Scope } from "./scope.ts";
import type { SavepointControl, TransactionControl } from "../transaction/transaction-control.ts";
import { unknownSavepoint } from "../unit-errors.ts";

/** The beginning of the names of savepoints that the unit itself sets. */
const ownSavepoint = "domain_events_";

/**
 * Assigns each statement of the work to a scope, and applies what it does to savepoints to the events of that scope.
 */
export class UnitStatements implements StatementScopes {
  readonly #root: Scope;
  readonly #owned: OwnedTransaction;
  #savepointCount = 0;
  #sentControlCount = 0;
  /** Reverts the effect of the text with savepoints that is running, if it is the only one. */
  #takeBack: (() => void) | undefined;

  constructor(root: Scope, owned: OwnedTransaction) {
    this.#root = root;
    this.#owned = owned;
    owned.bind(this);
  }

  /** The name for the next savepoint that the unit itself sets. */
  nextSavepoint(): string {
    return `${ownSavepoint}${++this.#savepointCount}`;
  }

  /**
   * Called for a statement on `tx`, in the context of its sender. A sender outside of the unit has no scope to check.
   */
  enter(): void {
    const { unit } = this.#root;
    const scope = callersScopeIn(unit) ?? (unit.state === "running" ? undefined : this.#root);
    scope?.refuseStatement();
  }

  controlsSending(controls: readonly TransactionControl[]): void {
    const scope = this.#scopeOfControls();
    this.#sentControlCount += 1;
    // If two such texts are running, the marks depend on both. And events that a rollback has removed cannot be
    // restored.
    const canTakeBack = this.#sentControlCount === 1 && controls.every(({ kind }) => kind !== "rollback to");
    this.#takeBack = canTakeBack ? scope.events.rememberMarks() : undefined;
  }

  controlsAnswered(): void {
    this.#sentControlCount = Math.max(0, this.#sentControlCount - 1);
  }

  control({ kind, name }: SavepointControl): void {
    if (name.startsWith(ownSavepoint)) throw this.#owned.refuse();
    const scope = this.#scopeOfControls();
    if (kind === "savepoint") return scope.events.mark(name);
    // A savepoint that was not set in this scope may be outside of a savepoint(), and would end it, too.
    if (!scope.events.hasMark(name)) throw this.#owned.refuse(unknownSavepoint(name));
    if (kind === "release") scope.events.releaseMark(name);
    else scope.events.rollBackToMark(name);
  }

  controlsFailed(error: unknown): void {
    this.controlsAnswered();
    // In an aborted transaction the server has executed nothing, so its savepoints have not changed.
    if (codeOf(error) === "25P02" && this.#takeBack) return this.#takeBack();
    // The server's savepoints may now differ from our marks. A rollback to one of them would drop the wrong events.
    this.#scopeOfControls().condemn(error);
  }

  #scopeOfControls(): Scope {
    return callersScopeIn(this.#root.unit) ?? this.#root.leaf;
  }
}
