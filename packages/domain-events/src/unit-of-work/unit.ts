import type { OwnedTransaction } from "../transaction/owned-transaction.ts";
import type { UnitState } from "../current-unit.ts";
import { callersScopeIn, Scope, type ScopeOwner } from "./scope.ts";
import { TrackedSources } from "./tracked-sources.ts";
import type { Transaction, TransactionAdapter } from "../transaction/transaction-adapter.ts";
import { savepointEnded, unitDoomed, unitEnded } from "../unit-errors.ts";
import { UnitStatements } from "./unit-statements.ts";
import { UnitTxs } from "./unit-txs.ts";

/** One transaction, and the events collected in it. */
export class Unit implements ScopeOwner {
  readonly bus: object;
  readonly adapter: TransactionAdapter<unknown>;
  readonly root: Scope;
  readonly statements: UnitStatements;
  readonly txs: UnitTxs;
  readonly sources = new TrackedSources(() => this.#refuseLateChange());
  readonly reportDiscard: (error: unknown) => void;
  state: UnitState = "running";
  readonly #owned: OwnedTransaction;
  #transaction: Transaction<unknown> | undefined;

  constructor(
    transaction: Transaction<unknown>,
    owned: OwnedTransaction,
    { bus, adapter, reportDiscard }: Pick<Unit, "bus" | "adapter" | "reportDiscard">,
  ) {
    this.#transaction = transaction;
    this.#owned = owned;
    this.bus = bus;
    this.adapter = adapter;
    this.reportDiscard = reportDiscard;
    this.root = new Scope(this);
    this.statements = new UnitStatements(this.root, owned);
    this.txs = new UnitTxs(adapter, transaction);
  }

  get database(): object {
    return this.adapter.database;
  }

  /**
   * @throws {@link DomainEventsError} `UNIT_ENDED` once the unit is over: a leaked context must not keep the
   * connection.
   */
  get transaction(): Transaction<unknown> {
    if (this.#transaction) return this.#transaction;
    throw unitEnded("The transaction was used", this.state);
  }

  recordIn(scope: Scope, event: object): void {
    scope.record(event);
  }

  /**
   * @throws the reason why the unit must not be committed: unfinished parts, a swallowed error, or a refused statement.
   */
  refuseUnfinished(): void {
    this.root.refuseWhileUnfinished("The work ended");
    if (this.root.doom) throw unitDoomed(this.root.doom.cause);
    if (this.#owned.violation) throw this.#owned.violation;
  }

  /** If the unit was rolled back, its events must not reach the next unit through a reused aggregate. */
  end({ isCommitted }: { readonly isCommitted: boolean }): void {
    this.state = isCommitted ? "committed" : "undone";
    this.sources.release({ keepEvents: isCommitted, report: this.reportDiscard });
    this.root.clear();
    this.#transaction = undefined;
    this.txs.clear();
  }

  /** Sends a statement of the work in that scope. */
  async query(scope: Scope, text: string, values?: readonly unknown[]): ReturnType<Transaction<unknown>["query"]> {
    scope.refuseStatement();
    this.#owned.sending(text);
    try {
      const answer = await this.transaction.query(text, values);
      this.#owned.answered(answer, text);
      return answer;
    } catch (error) {
      this.#owned.failed(error, text);
      throw error;
    }
  }

  /** Sends a statement of the unit itself. */
  async send(text: string): Promise<void> {
    try {
      await this.transaction.query(text);
      this.#owned.heard();
    } catch (error) {
      this.#owned.failed(error);
      throw error;
    }
  }

  /**
   * Called when an aggregate records an event. Code that has outlived its savepoint or its work must not do so: its
   * rows are refused, but the event would be published with the unit, or would stay in the aggregate.
   *
   * @throws {@link DomainEventsError} `UNIT_ENDED`, `SAVEPOINT_ENDED`.
   */
  #refuseLateChange(): void {
    const what = "A tracked aggregate was changed";
    const scope = callersScopeIn(this);
    if (this.state === "running" && scope?.isOpen !== false) return;
    const error = this.state === "running" ? savepointEnded(what) : unitEnded(what, this.state);
    this.root.condemn(error);
    throw error;
  }
}
