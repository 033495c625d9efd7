import { runInside } from "../current-unit.ts";
import type { Scope } from "./scope.ts";
import type { Unit } from "./unit.ts";
import { savepointDoomed, savepointEnded, unitEnded } from "../unit-errors.ts";

/**
 * Runs a part of the work in a scope of its own. If the part rejects, its rows and its events are dropped together.
 *
 * @throws what the work throws; {@link DomainEventsError} `UNIT_ENDED`, `SAVEPOINT_ENDED`, `SAVEPOINT_OPEN`,
 * `SAVEPOINT_DOOMED`, `RUN_OPEN`.
 */
export async function runSavepoint<Result>(
  unit: Unit,
  parent: Scope,
  work: (scope: Scope) => PromiseLike<Result> | Result,
): Promise<Result> {
  parent.refuseUnlessOpen("A savepoint was opened");
  if (unit.txs.hasBuffers) {
    await parent.beforeOpening(() => sendBufferedBefore(unit, parent));
    // Nothing may come in between this and the opening.
    parent.refuseUnlessOpen("A savepoint was opened");
  }
  const scope = parent.open();
  const name = unit.statements.nextSavepoint();
  let isSet = false;
  try {
    await unit.send(`savepoint ${name}`);
    isSet = true;
    const result = await runInside(scope, async () => {
      const done = await work(scope);
      if (unit.txs.hasBuffers) await unit.txs.sendBuffered();
      return done;
    });
    if (unit.state !== "running") throw unitEnded("A savepoint returned", unit.state);
    if (!scope.isOpen) throw savepointEnded("A savepoint returned");
    scope.refuseWhileUnfinished("A savepoint ended");
    if (scope.doom) throw savepointDoomed(scope.doom.cause);
    scope.events.flush();
    scope.end();
    await unit.send(`release savepoint ${name}`);
    scope.keep();
    return result;
  } catch (error) {
    scope.end();
    // If the transaction was aborted before, there is no savepoint.
    if (isSet) await rollBackTo(unit, parent, name);
    scope.drop();
    throw error;
  }
}

/** What was changed before the savepoint must not be rolled back with it. */
async function sendBufferedBefore(unit: Unit, parent: Scope): Promise<void> {
  try {
    await unit.txs.sendBuffered();
  } catch (error) {
    parent.condemn(error);
    throw error;
  }
}

async function rollBackTo(unit: Unit, parent: Scope, name: string): Promise<void> {
  // If the savepoint around it has ended, this one is gone already.
  if (unit.state !== "running" || !parent.isOpen) return;
  try {
    await unit.send(`rollback to savepoint ${name}`);
  } catch (error) {
    // It is not known whether the part was rolled back, so nothing around it may be stored.
    parent.condemn(error);
  }
}
