import type { Run } from "./run.ts";
import { DomainEventsError } from "../errors.ts";
import { runInside } from "../current-unit.ts";
import type { Scope } from "./scope.ts";
import type { TransactionAdapter } from "../transaction/transaction-adapter.ts";
import type { Unit } from "./unit.ts";
import { contextOf } from "./unit-context.ts";

/**
 * Runs the work in the scope of the caller, as a part of the unit that is running there.
 *
 * @throws what the work throws, and then the scope is rolled back; {@link DomainEventsError} `UNIT_ENDED`,
 * `SAVEPOINT_ENDED`, `SAVEPOINT_OPEN`, `JOINED_ADAPTER`.
 */
export async function joinRun<Tx, Result>(
  scope: Scope,
  adapter: TransactionAdapter<Tx>,
  { work, options: { signal } }: Run<Tx, Result>,
): Promise<Result> {
  // The type of `scope.unit` is wider, but every scope belongs to a `Unit`.
  const unit = scope.unit as Unit;
  scope.refuseUnlessOpen("A run() began");
  scope.joined();
  try {
    signal?.throwIfAborted();
    const tx = await txOf(unit, adapter);
    // A unit that runs between that scope and the caller is no part of this work, so the scope becomes the innermost
    // one.
    const result = await runInside(scope, async () => work(contextOf(unit, scope, tx)));
    signal?.throwIfAborted();
    return result;
  } catch (error) {
    scope.condemn(error);
    throw error;
  } finally {
    scope.left();
  }
}

/** The `tx` of the joining adapter, even if another adapter has begun the unit. */
async function txOf<Tx>(unit: Unit, adapter: TransactionAdapter<Tx>): Promise<Tx> {
  // A run that comes late is refused.
  const { tx } = unit.transaction;
  if (unit.adapter === adapter) return tx as Tx;
  const adopted = await unit.txs.of(adapter);
  if (adopted !== undefined) return adopted as Tx;
  throw new DomainEventsError(
    "JOINED_ADAPTER",
    "A run() would join a unit that another adapter over the same database has begun, and its own adapter cannot make a `tx` from that transaction. " +
      "Use one adapter for both units of work, or implement adopt() in the adapter.",
  );
}
