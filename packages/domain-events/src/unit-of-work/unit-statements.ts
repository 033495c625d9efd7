import { codeOf } from "../transaction/database-error.ts";
import type { OwnedTransaction, StatementScopes } from "../transaction/owned-transaction.ts";
import { callersScopeIn, type Scope } from "./scope.ts";
import type { SavepointControl, TransactionControl } from "../transaction/transaction-control.ts";
import { unknownSavepoint } from "../unit-errors.ts";

/** What the names of a unit's own savepoints begin with. */
const ownSavepoint = "domain_events_";

/** The statements of a unit's work: each belongs to a scope, and what it does to savepoints it does to the events of that. */
export class UnitStatements implements StatementScopes {
  readonly #root: Scope;
  readonly #owned: OwnedTransaction;
  #savepointCount = 0;
  #sentControlCount = 0;
  /** Makes the only text with savepoints that is on its way undone. */
  #takeBack: (() => void) | undefined;

  constructor(root: Scope, owned: OwnedTransaction) {
    this.#root = root;
    this.#owned = owned;
    owned.bind(this);
  }

  /** The name of another savepoint that the unit itself sets. */
  nextSavepoint(): string {
    return `${ownSavepoint}${++this.#savepointCount}`;
  }

  /** A statement on `tx`, in the context of whoever sends it. Outside of all contexts nobody can tell its scope. */
  enter(): void {
    const { unit } = this.#root;
    const scope = callersScopeIn(unit) ?? (unit.state === "running" ? undefined : this.#root);
    scope?.refuseStatement();
  }

  controlsSending(controls: readonly TransactionControl[]): void {
    const scope = this.#scopeOfControls();
    this.#sentControlCount += 1;
    // With two on their way, it depends on both what there is behind them; and events that were taken away are gone.
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
    // One that was not set in this scope may be outside of a savepoint(), and would take that with it.
    if (!scope.events.hasMark(name)) throw this.#owned.refuse(unknownSavepoint(name));
    if (kind === "release") scope.events.releaseMark(name);
    else scope.events.rollBackToMark(name);
  }

  controlsFailed(error: unknown): void {
    this.controlsAnswered();
    // In an aborted transaction the server has carried out nothing: its savepoints are as they were.
    if (codeOf(error) === "25P02" && this.#takeBack) return this.#takeBack();
    // The server's savepoints and ours differ: to go back to one of them would take other rows than events.
    this.#scopeOfControls().condemn(error);
  }

  #scopeOfControls(): Scope {
    return callersScopeIn(this.#root.unit) ?? this.#root.leaf;
  }
}
