import type { EventRecorder } from "../event/aggregate-root.ts";
import type { Scope } from "./scope.ts";
import { runSavepoint } from "./savepoint.ts";
import type { Unit } from "./unit.ts";

/** What the work of a unit gets. It can be destructured: none of the functions needs `this`. */
export interface UnitContext<out Tx> {
  /** The running transaction: an object of the driver. */
  readonly tx: Tx;
  /** Records an event, which is published once the unit has committed. */
  readonly record: (event: object) => void;
  /**
   * Collects the events that an aggregate has recorded and will record, and returns the aggregate. Tracking the same
   * aggregate again has no effect.
   */
  readonly track: <Aggregate extends EventRecorder>(aggregate: Aggregate) => Aggregate;
  /**
   * Runs a part of the work that may fail alone. If the part rejects, its statements are rolled back, its events are
   * dropped, and this call rejects with the error. Only one savepoint can be open at a time: a second one beside it is
   * refused (`SAVEPOINT_OPEN`).
   */
  readonly savepoint: <Result>(work: (context: UnitContext<Tx>) => PromiseLike<Result> | Result) => Promise<Result>;
  /**
   * Runs one statement with `$1` placeholders in the transaction, whatever the driver. So the context itself can be
   * passed where a transaction is expected, such as `jobs.enqueue(task, payload, { tx: unit })`.
   */
  readonly query: (
    text: string,
    values?: readonly unknown[],
  ) => Promise<{ readonly rows: readonly Record<string, unknown>[] }>;
}

/** The context for work in that scope. `tx` is made by the adapter of the unit of work whose `run` was called. */
export function contextOf<Tx>(unit: Unit, scope: Scope, tx: Tx): UnitContext<Tx> {
  return {
    tx,
    record: (event) => scope.record(event),
    track(aggregate) {
      scope.track(aggregate);
      return aggregate;
    },
    savepoint: (work) => runSavepoint(unit, scope, (inside) => work(contextOf(unit, inside, tx))),
    query: (text, values) => unit.query(scope, text, values),
  };
}
