import type { EventSource } from "./aggregate-root.ts";
import { DomainEventsError } from "./errors.ts";
import { pullInOrder } from "./recorded-events.ts";
import { innermostUnit, type RunningUnit } from "./running-units.ts";
import { Scope } from "./scope.ts";
import type { Transaction } from "./transaction-adapter.ts";

/** What the work of a unit gets. All are functions without `this`, made to be destructured. */
export interface UnitContext<out Tx> {
  /** The running transaction, as the driver knows it. */
  readonly tx: Tx;
  /** Collects an event, to be published once the unit has committed. */
  readonly record: (event: object) => void;
  /** Collects what an aggregate has recorded and will record, and returns the aggregate. Twice is as good as once. */
  readonly track: <Aggregate extends EventSource>(aggregate: Aggregate) => Aggregate;
  /**
   * Runs a part of the work that may fail alone: when it rejects, its statements are rolled back, its events are gone,
   * and the error comes out here. One at a time: a second one while the first is open is refused (`SAVEPOINT_OPEN`).
   */
  readonly savepoint: <Result>(work: (context: UnitContext<Tx>) => PromiseLike<Result> | Result) => Promise<Result>;
}

/** One run of one transaction, and the events collected in it. */
export class Unit<Tx> implements RunningUnit {
  readonly bus: object;
  readonly database: object;
  readonly outer: RunningUnit | undefined = innermostUnit();
  readonly transaction: Transaction<Tx>;
  readonly root = new Scope();
  state: RunningUnit["state"] = "running";
  /** Everything ever tracked, so that a rolled-back unit leaves nothing behind in any aggregate. */
  readonly #tracked = new Set<EventSource>();
  #savepointCount = 0;

  constructor(transaction: Transaction<Tx>, bus: object, database: object) {
    this.transaction = transaction;
    this.bus = bus;
    this.database = database;
  }

  contextOf(scope: Scope): UnitContext<Tx> {
    return {
      tx: this.transaction.tx,
      record: (event) => this.#recordIn(scope, event),
      track: (aggregate) => this.#track(scope, aggregate),
      savepoint: (work) => this.#savepoint(scope, work),
    };
  }

  record(event: object): void {
    this.#recordIn(this.root.leaf, event);
  }

  /** Rolled back: nothing that was recorded may reach the next unit through a reused aggregate. */
  discard(): void {
    this.state = "ended";
    pullInOrder(this.#tracked);
  }

  #recordIn(scope: Scope, event: object): void {
    this.#refuseAfterEnd("recorded an event");
    scope.refuseWhileChildOpen("An event was recorded");
    if (typeof event !== "object" || event === null) {
      throw new DomainEventsError("EVENT_INVALID", "record() takes an event: record(new UserRegistered({ … })).");
    }
    scope.record(event);
  }

  #track<Aggregate extends EventSource>(scope: Scope, aggregate: Aggregate): Aggregate {
    this.#refuseAfterEnd("tracked an aggregate");
    scope.refuseWhileChildOpen("An aggregate was tracked");
    if (typeof aggregate?.pullEvents !== "function") {
      throw new DomainEventsError(
        "AGGREGATE_INVALID",
        "track() takes an object with pullEvents(), such as an AggregateRoot.",
      );
    }
    scope.track(aggregate);
    this.#tracked.add(aggregate);
    return aggregate;
  }

  async #savepoint<Result>(
    parent: Scope,
    work: (context: UnitContext<Tx>) => PromiseLike<Result> | Result,
  ): Promise<Result> {
    this.#refuseAfterEnd("opened a savepoint");
    parent.refuseWhileChildOpen("A savepoint was opened");
    const scope = parent.open();
    const name = `domain_events_${++this.#savepointCount}`;
    try {
      await this.transaction.query(`savepoint ${name}`);
      const result = await work(this.contextOf(scope));
      this.#refuseAfterEnd("returned from a savepoint");
      scope.refuseWhileChildOpen("A savepoint ended");
      if (scope.doom) throw savepointDoomed(scope.doom.cause);
      scope.flush();
      await this.transaction.query(`release savepoint ${name}`);
      scope.keep();
      return result;
    } catch (error) {
      scope.drop();
      // A connection that cannot even roll back fails the whole unit soon enough; this error is the first cause.
      if (this.state === "running") {
        await this.transaction.query(`rollback to savepoint ${name}`).catch(() => {});
      }
      throw error;
    }
  }

  #refuseAfterEnd(what: string): void {
    if (this.state === "running") return;
    throw new DomainEventsError(
      "UNIT_ENDED",
      `Something ${what} on a unit of work that ${this.state === "ended" ? "has ended" : "is committing"}. ` +
        "Await everything the work starts before it returns.",
    );
  }
}

function savepointDoomed(cause: unknown): DomainEventsError {
  return new DomainEventsError(
    "SAVEPOINT_DOOMED",
    "A run() that had joined this savepoint failed and its error was swallowed, so the savepoint was rolled back. " +
      "Let the error through, or give the part that may fail a savepoint() of its own.",
    { cause },
  );
}
