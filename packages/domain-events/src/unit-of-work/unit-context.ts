import type { EventRecorder } from "../event/aggregate-root.ts";
import type { Scope } from "./scope.ts";
import { runSavepoint } from "./savepoint.ts";
import type { Unit } from "./unit.ts";

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

/** For the work in that scope, with the `tx` of the adapter that its run was given. */
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
