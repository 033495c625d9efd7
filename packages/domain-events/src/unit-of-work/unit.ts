import type { EventRecorder } from "../event/aggregate-root.ts";
import { assertEvent } from "../event/assert-event.ts";
import { codeOf } from "../transaction/database-error.ts";
import { DomainEventsError } from "../errors.ts";
import { type OwnedTransaction, type StatementScopes } from "../transaction/owned-transaction.ts";
import { findScope, runInside, type RunningUnit, type UnitState } from "../current-unit.ts";
import { Scope, type ScopeOwner } from "./recording-scope.ts";
import { TrackedSources } from "./tracked-sources.ts";
import type { Transaction, TransactionAdapter } from "../transaction/transaction-adapter.ts";
import type { SavepointControl, TransactionControl } from "../transaction/transaction-control.ts";
import { savepointDoomed, savepointEnded, unitDoomed, unitEnded, unknownSavepoint } from "../unit-errors.ts";

/** What the work of a unit gets. All are functions without `this`, made to be destructured. */
export interface UnitContext<out Tx> {
  /** The running transaction, as the driver knows it. */
  readonly tx: Tx;
  /** Collects an event, to be published once the unit has committed. */
  readonly record: (event: object) => void;
  /** Collects what an aggregate has recorded and will record, and returns the aggregate. Tracking the same aggregate again has no effect. */
  readonly track: <Aggregate extends EventRecorder>(aggregate: Aggregate) => Aggregate;
  /**
   * Runs a part of the work that may fail alone: when it rejects, its statements are rolled back, its events are gone,
   * and the error comes out here. One at a time: a second one while the first is open is refused (`SAVEPOINT_OPEN`).
   */
  readonly savepoint: <Result>(work: (context: UnitContext<Tx>) => PromiseLike<Result> | Result) => Promise<Result>;
  /**
   * Runs one statement with `$1` placeholders in the transaction, whatever the driver: so the context itself is a transaction for whoever
   * takes one, such as `jobs.enqueue(task, payload, { tx: unit })`.
   */
  readonly query: (
    text: string,
    values?: readonly unknown[],
  ) => Promise<{ readonly rows: readonly Record<string, unknown>[] }>;
}

/** What the names of a unit's own savepoints begin with. */
const ownSavepoint = "domain_events_";

/** One run of one transaction, and the events collected in it. */
export class Unit implements RunningUnit, ScopeOwner, StatementScopes {
  readonly bus: object;
  readonly adapter: TransactionAdapter<unknown>;
  readonly root: Scope;
  readonly sources = new TrackedSources(() => this.#refuseLateChange());
  readonly reportDiscard: (error: unknown) => void;
  state: UnitState = "running";
  readonly #owned: OwnedTransaction;
  #transaction: Transaction<unknown> | undefined;
  #savepointCount = 0;
  #sentControlCount = 0;
  /** Makes the only text with savepoints that is on its way undone. */
  #takeBack: (() => void) | undefined;

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
    owned.bind(this);
  }

  get database(): object {
    return this.adapter.database;
  }

  /** @throws {@link DomainEventsError} `UNIT_ENDED` once it is over: leaked contexts must not hold the connection. */
  get transaction(): Transaction<unknown> {
    if (this.#transaction) return this.#transaction;
    throw unitEnded("reached for the transaction", this.state);
  }

  contextOf<Tx>(scope: Scope, tx: Tx): UnitContext<Tx> {
    return {
      tx,
      record: (event) => this.recordIn(scope, event),
      track: (aggregate) => this.#track(scope, aggregate),
      savepoint: (work) => this.#savepoint(scope, tx, work),
      query: async (text, values) => {
        this.#refuseStatementIn(scope);
        this.#owned.sending(text);
        return this.#query(text, values);
      },
    };
  }

  recordIn(scope: Scope, event: object): void {
    this.refuseIn(scope, "An event was recorded");
    assertEvent(event);
    scope.record(event);
  }

  /** A statement on `tx`, in the context of whoever sends it. Outside of all contexts nobody can tell its scope. */
  enter(): void {
    const scope = this.#callersScope() ?? (this.state === "running" ? undefined : this.root);
    if (scope) this.#refuseStatementIn(scope);
  }

  controlsSending(controls: readonly TransactionControl[]): void {
    const scope = this.#callersScope() ?? this.root.leaf;
    this.#sentControlCount += 1;
    // With two on their way, it depends on both what there is behind them; and events that were taken away are gone.
    const canTakeBack = this.#sentControlCount === 1 && controls.every(({ kind }) => kind !== "rollback to");
    this.#takeBack = canTakeBack ? scope.rememberMarks() : undefined;
  }

  controlsAnswered(): void {
    this.#sentControlCount = Math.max(0, this.#sentControlCount - 1);
  }

  control({ kind, name }: SavepointControl): void {
    if (name.startsWith(ownSavepoint)) throw this.#owned.refuse();
    const scope = this.#callersScope() ?? this.root.leaf;
    if (kind === "savepoint") return scope.mark(name);
    // One that was not set in this scope may be outside of a savepoint(), and would take that with it.
    if (!scope.hasMark(name)) throw this.#owned.refuse(unknownSavepoint(name));
    if (kind === "release") scope.releaseMark(name);
    else scope.rollBackToMark(name);
  }

  controlsFailed(error: unknown): void {
    this.controlsAnswered();
    // In an aborted transaction the server has carried out nothing: its savepoints are as they were.
    if (codeOf(error) === "25P02" && this.#takeBack) return this.#takeBack();
    // The server's savepoints and ours differ: to go back to one of them would take other rows than events.
    (this.#callersScope() ?? this.root.leaf).condemn(error);
  }

  /** @throws {@link DomainEventsError} `UNIT_ENDED`, `SAVEPOINT_ENDED`, `SAVEPOINT_OPEN`. */
  refuseIn(scope: Scope, what: string): void {
    if (this.state !== "running") throw unitEnded(what, this.state);
    if (!scope.isOpen) throw savepointEnded(what);
    scope.refuseWhileChildOpen(what);
  }

  /** Like one that the server refuses, it takes its scope with it: what the scope has recorded may be about it. */
  #refuseStatementIn(scope: Scope): void {
    try {
      this.refuseIn(scope, "A statement was sent");
    } catch (error) {
      scope.condemn(error);
      throw error;
    }
  }

  /** @throws what the work did to the transaction, or to itself, so that it must not be committed. */
  refuseUnfinished(): void {
    this.root.refuseWhileUnfinished("The work ended");
    if (this.root.doom) throw unitDoomed(this.root.doom.cause);
    if (this.#owned.violation) throw this.#owned.violation;
  }

  /** Rolled back, nothing that was recorded may reach the next unit through a reused aggregate. */
  end({ isCommitted }: { readonly isCommitted: boolean }): void {
    this.state = isCommitted ? "committed" : "undone";
    this.sources.release({ keepEvents: isCommitted, report: this.reportDiscard });
    this.root.clear();
    this.#transaction = undefined;
  }

  /** A statement of the work. */
  async #query(text: string, values?: readonly unknown[]): ReturnType<Transaction<unknown>["query"]> {
    try {
      const answer = await this.transaction.query(text, values);
      this.#owned.answered(answer, text);
      return answer;
    } catch (error) {
      this.#owned.failed(error, text);
      throw error;
    }
  }

  /** A statement of the unit itself. */
  async #send(text: string): Promise<void> {
    try {
      await this.transaction.query(text);
      this.#owned.heard();
    } catch (error) {
      this.#owned.failed(error);
      throw error;
    }
  }

  /**
   * Of an aggregate, by code that has outlived its savepoint or its work: the rows that belong to it are refused, but the event would go
   * with the unit, or be left behind.
   *
   * @throws {@link DomainEventsError} `UNIT_ENDED`, `SAVEPOINT_ENDED`.
   */
  #refuseLateChange(): void {
    const what = "A tracked aggregate was changed";
    const scope = this.#callersScope();
    if (this.state === "running" && scope?.isOpen !== false) return;
    const error = this.state === "running" ? savepointEnded(what) : unitEnded(what, this.state);
    this.root.condemn(error);
    throw error;
  }

  #callersScope(): Scope | undefined {
    // It has been found by the unit, whose scopes are all of this class.
    return findScope((unit) => unit === this) as Scope | undefined;
  }

  #track<Aggregate extends EventRecorder>(scope: Scope, aggregate: Aggregate): Aggregate {
    this.refuseIn(scope, "An aggregate was tracked");
    if (typeof aggregate?.pullEvents !== "function") {
      throw new DomainEventsError(
        "AGGREGATE_INVALID",
        "track() takes an object with pullEvents(), such as an AggregateRoot.",
      );
    }
    scope.track(aggregate);
    return aggregate;
  }

  async #savepoint<Tx, Result>(
    parent: Scope,
    tx: Tx,
    work: (context: UnitContext<Tx>) => PromiseLike<Result> | Result,
  ): Promise<Result> {
    this.refuseIn(parent, "A savepoint was opened");
    const scope = parent.open();
    const name = `${ownSavepoint}${++this.#savepointCount}`;
    let isSet = false;
    try {
      await this.#send(`savepoint ${name}`);
      isSet = true;
      const result = await runInside(scope, async () => work(this.contextOf(scope, tx)));
      if (this.state !== "running") throw unitEnded("A savepoint returned", this.state);
      if (!scope.isOpen) throw savepointEnded("A savepoint returned");
      scope.refuseWhileUnfinished("A savepoint ended");
      if (scope.doom) throw savepointDoomed(scope.doom.cause);
      scope.flush();
      scope.end();
      await this.#send(`release savepoint ${name}`);
      scope.keep();
      return result;
    } catch (error) {
      scope.end();
      // In a transaction that was aborted before there is none.
      if (isSet) await this.#rollBackTo(name, parent);
      scope.drop();
      throw error;
    }
  }

  async #rollBackTo(name: string, parent: Scope): Promise<void> {
    // With the savepoint around it this one is gone already.
    if (this.state !== "running" || !parent.isOpen) return;
    try {
      await this.#send(`rollback to savepoint ${name}`);
    } catch (error) {
      // Whether it is undone is not known, so nothing of the unit may be stored.
      parent.condemn(error);
    }
  }
}
